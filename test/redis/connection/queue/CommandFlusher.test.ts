import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Liveness from "../../../../src/redis/connection/Liveness.js"
import { CommandFlusher } from "../../../../src/redis/connection/queue/CommandFlusher.js"
import { QueuedCommand } from "../../../../src/redis/connection/queue/QueuedCommand.js"
import type { RedisConnection, RedisReply } from "../../../../src/redis/RedisConnection.js"
import { RedisServerError } from "../../../../src/redis/RedisError.js"

/** A connection whose replies the test gives, and what the flusher has reported of its commands. */
const makeFlusher = Effect.gen(function* () {
  const sent: Array<string> = []
  const replies: Array<PromiseWithResolvers<RedisReply>> = []
  const outcomes: Array<string> = []
  const connection: RedisConnection = {
    send: (command, args) => {
      sent.push([command, ...args].join(" "))
      const reply = Promise.withResolvers<RedisReply>()
      replies.push(reply)
      return reply.promise
    },
    sendBuffer: () => Promise.resolve(null),
    bufferedAmount: () => 0,
    close: () => {}
  } as Partial<RedisConnection> as RedisConnection
  const clock = yield* Effect.clock
  const named = (commands: ReadonlyArray<QueuedCommand>) => commands.map(({ args }) => String(args)).join(" ")
  const flusher = new CommandFlusher({
    clock,
    maxInFlight: 20,
    maxKeysPerRead: 4,
    liveness: new Liveness.Liveness({ clock, timeoutMillis: 1000, timeoutsToGiveUp: 3, fork: () => {} }),
    toError: (command, cause) => new RedisServerError({ command, code: String(cause), detail: "" }),
    onReply: (commands, reply, generation) => outcomes.push(`${named(commands)}: ${String(reply)} of ${generation}`),
    onFailure: (commands, error) => outcomes.push(`${named(commands)}: ${error._tag}`)
  })
  flusher.open(connection, 7)
  const push = (kind: "Read" | "Command", name: string) => {
    const command = new QueuedCommand(
      kind,
      kind === "Read" ? "GET" : "SET",
      name,
      flusher.schedule(),
      () => {},
      undefined
    )
    flusher.push(command)
    return command
  }
  /** One turn of the event loop. */
  const turn = Effect.promise(() => setImmediate())
  return { connection, flusher, outcomes, push, replies, sent, turn }
})

describe("a flusher", () => {
  it.effect("sends the reads of a turn as MGETs of bounded size, behind its other commands", () =>
    Effect.gen(function* () {
      const { push, sent, turn } = yield* makeFlusher
      for (const name of ["a", "b", "c", "d", "e"]) push("Read", name)
      push("Command", "x")
      yield* turn
      expect(sent).toEqual(["SET x", "MGET a b c d", "GET e"])
    })
  )

  it.effect("sends no more than may be in flight, and the rest when replies come", () =>
    Effect.gen(function* () {
      const { flusher, push, replies, sent, turn } = yield* makeFlusher
      flusher.flushWhole()
      for (let i = 0; i < 25; i++) push("Command", `c${i}`)
      yield* turn
      expect([sent.length, flusher.inFlight, flusher.waiting]).toEqual([20, 20, 5])
      replies[0]?.resolve("OK")
      yield* turn
      yield* turn
      expect([sent.length, flusher.inFlight, flusher.waiting]).toEqual([21, 20, 4])
    })
  )

  it.effect("sends no command that was settled while it waited", () =>
    Effect.gen(function* () {
      const { push, sent, turn } = yield* makeFlusher
      push("Command", "a").settled = true
      push("Command", "b")
      yield* turn
      expect(sent).toEqual(["SET b"])
    })
  )

  it.effect("sends each read of a rejected MGET alone, and all later reads of a connection that takes no MGET", () =>
    Effect.gen(function* () {
      const { outcomes, push, replies, sent, turn } = yield* makeFlusher
      for (const name of ["a", "b"]) push("Read", name)
      yield* turn
      replies[0]?.reject("CROSSSLOT")
      yield* turn
      expect(sent).toEqual(["MGET a b", "GET a", "GET b"])
      replies[1]?.resolve("1")
      replies[2]?.reject("WRONGTYPE")
      yield* turn
      expect(outcomes).toEqual(["a: 1 of 7", "b: null of 7"])
      for (const name of ["c", "d"]) push("Read", name)
      yield* turn
      expect(sent.slice(3)).toEqual(["GET c", "GET d"])
    })
  )

  it.effect("ignores what an ended connection still answers, also when the next one is open", () =>
    Effect.gen(function* () {
      const { connection, flusher, outcomes, push, replies, turn } = yield* makeFlusher
      push("Command", "a")
      yield* turn
      flusher.shut()
      flusher.open({ ...connection }, 8)
      push("Command", "b")
      yield* turn
      replies[0]?.resolve("late")
      replies[1]?.resolve("OK")
      yield* turn
      expect(outcomes).toEqual(["b: OK of 8"])
      expect(flusher.inFlight).toBe(0)
    })
  )
})
