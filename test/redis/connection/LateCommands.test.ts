/** Commands whose arguments are computed when they are sent, and whose callers have a callback. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitBreaker } from "../../../src/redis/connection/CircuitBreaker.js"
import * as CommandQueue from "../../../src/redis/connection/queue/CommandQueue.js"
import type { RedisReply } from "../../../src/redis/RedisConnection.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import type { WithGeneration } from "../../../src/redis/RedisExecutor.js"
import type { CircuitState } from "../../../src/redis/RedisStatus.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import {
  error,
  make,
  reply,
  runFor,
  type ScriptedServer,
  settled,
  silence
} from "../../support/faults/ScriptedDriver.js"

/** A queue that is open unless a test shuts it, to a server that a test scripts. */
const world = (options: { readonly maxInFlight?: number; readonly maxWaiting?: number } = {}) =>
  Effect.gen(function* () {
    const server = yield* make
    const circuit: { state: CircuitState } = { state: "Closed" }
    const breaker: CircuitBreaker = {
      state: () => circuit.state,
      openings: () => 0,
      succeeded: () => {},
      failed: () => {},
      reset: () => {},
      changes: Stream.empty
    }
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const queue = yield* Scope.extend(
      CommandQueue.make(
        {
          commandTimeout: Duration.seconds(1),
          maxInFlight: options.maxInFlight ?? 100,
          maxWaiting: options.maxWaiting ?? 100,
          maxKeysPerRead: 100,
          timeoutsToGiveUp: 100,
          toError: server.driver.toError
        },
        breaker
      ),
      scope
    )
    const connect = Effect.flatMap(server.driver.connect, (connection) => Effect.asVoid(queue.open(connection, 7)))
    /** The arguments that are sent if it leaves, how often they were computed, and every call of its callback. */
    const late = (...args: ReadonlyArray<string>) => {
      const call = { args: [...args], asked: 0, told: [] as Exit.Exit<WithGeneration<RedisReply>, RedisError>[] }
      queue.late(
        "MGET",
        () => {
          call.asked++
          return call.args
        },
        (exit) => {
          call.told.push(exit)
        }
      )
      return call
    }
    return { server, circuit, queue, connect, late, scope }
  })

const unavailable = (reason: string) => [{ _tag: "Failure", cause: { error: { _tag: "RedisUnavailable", reason } } }]
const failedWith = (_tag: string) => [{ _tag: "Failure", cause: { error: { _tag, command: "MGET" } } }]

describe("a late command", () => {
  it.scoped("computes its arguments once, when it is sent, and calls back with the reply and its generation", () =>
    Effect.gen(function* () {
      const { connect, late, server } = yield* world()
      yield* connect
      server.values.set("a", "1")
      const call = late("a")
      expect(call).toMatchObject({ asked: 0, told: [] })
      // in the same turn
      call.args.push("b")
      yield* settled
      expect(server.commands()).toEqual(["MGET a b"])
      expect(call).toMatchObject({ asked: 1, told: [Exit.succeed({ value: ["1", null], generation: 7 })] })
    })
  )

  it.scoped("keeps its place among the commands of its turn, and computes its arguments only when that turn ends", () =>
    Effect.gen(function* () {
      const { connect, late, queue, server } = yield* world({ maxInFlight: 1 })
      yield* connect
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      yield* Effect.fork(queue.command("SET", ["first", ""], { idempotent: false }))
      yield* Effect.yieldNow()
      const call = late("a")
      yield* Effect.fork(queue.command("INCR", ["last"], { idempotent: false }))
      yield* settled
      expect(call.asked).toBe(0)
      call.args.push("b")
      server.answerLate()
      yield* settled
      expect(server.commands()).toEqual(["SET first ", "MGET a b", "INCR last"])
    })
  )

  it.scoped("is rejected at once, without computing its arguments, when there is no connection", () =>
    Effect.gen(function* () {
      const { connect, late, queue, scope, server } = yield* world()
      const calls = [late("a")]
      expect(calls[0]?.told).toMatchObject(unavailable("Connecting"))
      yield* connect
      yield* queue.shut("Disconnected")
      calls.push(late("a"))
      expect(calls[1]?.told).toMatchObject(unavailable("Disconnected"))
      yield* connect
      yield* Scope.close(scope, Exit.void)
      calls.push(late("a"))
      expect(calls[2]?.told).toMatchObject(unavailable("Disabled"))
      yield* settled
      for (const { asked, told } of calls) expect([asked, told.length]).toEqual([0, 1])
      expect(server.commands()).toEqual([])
    })
  )

  it.scoped("is rejected at once, without computing its arguments, while the circuit is open", () =>
    Effect.gen(function* () {
      const { circuit, connect, late, server } = yield* world()
      yield* connect
      for (const state of ["Open", "HalfOpen"] as const) {
        circuit.state = state
        const call = late("a")
        expect(call.told).toMatchObject(unavailable("CircuitOpen"))
        yield* settled
        expect([call.asked, call.told.length]).toEqual([0, 1])
      }
      expect(server.commands()).toEqual([])
    })
  )

  it.scoped("is rejected at once, without computing its arguments, beyond the bound on waiting commands", () =>
    Effect.gen(function* () {
      const { connect, late, server } = yield* world({ maxInFlight: 1, maxWaiting: 1 })
      yield* connect
      server.answer = () => silence
      const accepted = [late("a"), late("b")]
      const rejected = late("c")
      expect(rejected.told).toMatchObject(unavailable("Overloaded"))
      yield* settled
      expect([rejected.asked, rejected.told.length]).toEqual([0, 1])
      expect(accepted.map(({ told }) => told.length)).toEqual([0, 0])
    })
  )

  it.scoped("times out at its deadline, and a later reply calls no callback", () =>
    Effect.gen(function* () {
      const { connect, late, queue, server } = yield* world()
      yield* connect
      server.answer = () => silence
      const call = late("a")
      yield* runFor(999)
      expect(call).toMatchObject({ asked: 1, told: [] })
      yield* runFor(1)
      expect(call.told).toMatchObject(failedWith("RedisTimeout"))
      server.answerLate()
      yield* settled
      expect(call.told).toHaveLength(1)
      expect([queue.inFlight(), queue.waiting()]).toEqual([0, 0])
    })
  )

  it.scoped("is rejected at its deadline where it could not leave until then, and is never sent", () =>
    Effect.gen(function* () {
      const { connect, late, server } = yield* world({ maxInFlight: 1 })
      yield* connect
      server.answer = () => silence
      const [under, waits] = [late("a"), late("b")]
      yield* runFor(1000)
      expect(under.told).toMatchObject(failedWith("RedisTimeout"))
      expect(waits.told).toMatchObject(unavailable("Overloaded"))
      server.answerLate()
      yield* runFor(1000)
      expect([waits.asked, waits.told.length, under.told.length]).toEqual([0, 1, 1])
      expect(server.commands()).toEqual(["MGET a"])
    })
  )

  it.scoped("is lost when the connection ends after it was sent, and was never sent when it ends before", () =>
    Effect.gen(function* () {
      const { connect, late, queue, server } = yield* world({ maxInFlight: 1 })
      yield* connect
      server.answer = () => silence
      const [sent, waits] = [late("a"), late("b")]
      yield* settled
      yield* queue.shut("Disconnected")
      expect(sent.told).toMatchObject(failedWith("RedisConnectionLost"))
      expect(waits.told).toMatchObject(unavailable("Disconnected"))
      // the next connection has nothing to do with them
      yield* connect
      server.answerLate()
      yield* runFor(1000)
      expect([sent.told.length, waits.told.length, waits.asked]).toEqual([1, 1, 0])
      expect([queue.inFlight(), queue.waiting()]).toEqual([0, 0])
      expect(server.commands()).toEqual(["MGET a"])
    })
  )

  it.scoped("is not sent when the connection ends within the turn in which it was called", () =>
    Effect.gen(function* () {
      const { connect, late, queue, server } = yield* world()
      yield* connect
      const call = late("a")
      yield* queue.shut("Disconnected")
      yield* settled
      expect(call.told).toMatchObject(unavailable("Disconnected"))
      expect([call.asked, call.told.length]).toEqual([0, 1])
      expect(server.commands()).toEqual([])
    })
  )

  it.scoped("fails with the error reply, and is not split as the reads of single keys are", () =>
    Effect.gen(function* () {
      const { connect, late, server } = yield* world()
      yield* connect
      server.answer = ({ args }) =>
        args.includes("theirs") ? error("NOPERM No permissions to access a key") : reply(["not one value per key"])
      const [forbidden, odd] = [late("mine", "theirs"), late("a", "b")]
      yield* settled
      expect(forbidden.told).toMatchObject(failedWith("RedisAuthError"))
      expect(odd.told).toMatchObject([Exit.succeed({ value: ["not one value per key"], generation: 7 })])
      expect(server.commands()).toEqual(["MGET mine theirs", "MGET a b"])
    })
  )

  it.scoped("fails where its arguments or the driver throw, and harms no other", () =>
    Effect.gen(function* () {
      const { connect, late, queue, server } = yield* world()
      yield* connect
      server.values.set("a", "1")
      const told: Array<Exit.Exit<unknown, RedisError>> = []
      queue.late(
        "MGET",
        () => {
          throw new TypeError("no arguments")
        },
        (exit) => told.push(exit)
      )
      const other = late("a")
      yield* settled
      expect(told).toMatchObject(failedWith("RedisProtocolError"))
      expect(other.told).toMatchObject([{ _tag: "Success" }])
      expect(queue.inFlight()).toBe(0)
    })
  )

  const ends = {
    "is answered": (server: ScriptedServer) => Effect.sync(() => server.answerLate()),
    "is not answered in time": () => runFor(1000),
    "loses its connection": (_server: ScriptedServer, queue: CommandQueue.CommandQueue) => queue.shut("Disconnected")
  }
  for (const [end, happens] of Object.entries(ends)) {
    it.scoped(`whose callback throws when it ${end} keeps no other from its reply, then and later`, () =>
      Effect.gen(function* () {
        const log = yield* CapturedLog.make
        yield* Effect.gen(function* () {
          const { connect, late, queue, server } = yield* world()
          yield* connect
          server.answer = () => silence
          queue.late(
            "MGET",
            () => ["a"],
            () => {
              throw new Error("not prepared for this")
            }
          )
          const same = late("b")
          yield* settled
          yield* happens(server, queue)
          yield* settled
          expect(same.told.length).toBe(1)
          yield* connect
          const later = late("c")
          yield* runFor(1000)
          expect(later.told).toMatchObject(failedWith("RedisTimeout"))
        }).pipe(Effect.provide(log.layer))
        expect(log.lines.filter(({ text }) => text.includes("callback"))).toHaveLength(1)
      })
    )
  }
})
