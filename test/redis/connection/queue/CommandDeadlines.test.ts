import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CommandDeadlines } from "../../../../src/redis/connection/queue/CommandDeadlines.js"
import { QueuedCommand } from "../../../../src/redis/connection/queue/QueuedCommand.js"
import { settled } from "../../../support/faults/ScriptedDriver.js"

const timeoutMillis = 1000

const makeDeadlines = Effect.gen(function* () {
  const expired: Array<ReadonlyArray<string>> = []
  const deadlines = new CommandDeadlines({
    clock: yield* Effect.clock,
    timeoutMillis,
    news: () => 0,
    lastStalledAt: () => Number.NEGATIVE_INFINITY,
    onExpired: (commands) => expired.push(commands.map(({ command }) => command))
  })
  yield* Effect.forkScoped(deadlines.run)
  const add = (name: string, deadline: number): QueuedCommand => {
    const command = new QueuedCommand("Command", name, [], deadline, () => {}, undefined)
    deadlines.add(command)
    return command
  }
  /** Lets time pass, and the event loop turn until the deadlines of that time have been looked at. */
  const pass = (millis: number) => Effect.zipRight(TestClock.adjust(millis), settled)
  return { deadlines, expired, add, pass }
})

describe("the deadlines of a queue", () => {
  it.scoped("end each command at its own deadline, and not before", () =>
    Effect.gen(function* () {
      const { add, expired, pass } = yield* makeDeadlines
      add("first", 1000)
      add("second", 1500)
      yield* pass(999)
      expect(expired).toEqual([])
      yield* pass(1)
      expect(expired).toEqual([["first"]])
      yield* pass(500)
      expect(expired).toEqual([["first"], ["second"]])
    })
  )

  it.scoped("spare commands that were answered, wherever they stand", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired, pass } = yield* makeDeadlines
      add("first", 1000)
      deadlines.remove([add("second", 1000)])
      add("third", 1000)
      yield* pass(1000)
      expect(expired).toEqual([["first", "third"]])
    })
  )

  it.scoped("wait for the next command when there is none left, and end that one too", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired, pass } = yield* makeDeadlines
      deadlines.remove([add("answered", 1000)])
      yield* pass(5000)
      add("later", 6000)
      yield* pass(999)
      expect(expired).toEqual([])
      yield* pass(1)
      expect(expired).toEqual([["later"]])
    })
  )

  it.scoped("end nothing that was taken away", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired, pass } = yield* makeDeadlines
      deadlines.remove([add("answered", 1000)])
      add("owed", 1000)
      expect(deadlines.takeAll().map(({ command }) => command)).toEqual(["owed"])
      yield* pass(1000)
      expect(expired).toEqual([])
    })
  )
})
