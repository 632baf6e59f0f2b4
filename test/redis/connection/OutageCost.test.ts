import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisConnectError, RedisUnavailable } from "../../../src/redis/RedisError.js"
import { scale } from "../../support/effort.js"
import { connect, make, runFor, silence } from "../../support/faults/ScriptedDriver.js"

/** A client whose circuit is open and stays so. */
const withOpenCircuit = Effect.gen(function* () {
  const server = yield* make
  const redis = yield* connect(server, { heartbeatInterval: "1 hour", circuitBreaker: { openFor: "1 hour" } })
  server.answer = () => silence
  const calls = yield* Effect.forkAll(Array.from({ length: 20 }, () => Effect.ignore(redis.get("key"))))
  yield* runFor(1000)
  yield* Fiber.join(calls)
  expect((yield* redis.getStatus).circuit).toBe("Open")
  return redis
})

const withoutServer = Effect.gen(function* () {
  const server = yield* make
  server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
  return yield* connect(server)
})

/** How often the ratio is measured, of which the middle counts. */
const rounds = scale(15, 7)
const callers = scale(10_000, 2_000)

const middle = (numbers: ReadonlyArray<number>): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0

/** Microseconds per run of `call`, its failure handled. */
const cost = (call: () => Effect.Effect<unknown, unknown>, calls: number) =>
  Effect.gen(function* () {
    const handled = Effect.catchAll(Effect.suspend(call), () => Effect.void)
    const began = performance.now()
    for (let i = 0; i < calls; i++) yield* handled
    return ((performance.now() - began) * 1000) / calls
  })

describe("a call while the circuit is open", () => {
  it.scoped("costs less than twice a call that fails by Effect.fail", () =>
    Effect.gen(function* () {
      const redis = yield* withOpenCircuit
      // made once: a new error with its stack trace would cost several times the rest
      const error = new RedisUnavailable({ reason: "CircuitOpen" })
      const failing = (_key: string): Effect.Effect<never, RedisUnavailable> => Effect.fail(error)
      const measure = Effect.gen(function* () {
        const ratios: Array<number> = []
        for (let i = 0; i < rounds; i++) {
          const rejected = yield* cost(() => redis.get("key"), 4000)
          const failed = yield* cost(() => failing("key"), 4000)
          ratios.push(rejected / failed)
        }
        return middle(ratios)
      })
      yield* measure
      const ratio = yield* Effect.repeat(measure, { until: (ratio) => ratio < 2, times: 4 })
      expect(typeof ratio === "number" ? ratio : Number.NaN).toBeLessThan(2)
    })
  )
})

for (const [name, client] of [
  ["the circuit is open", withOpenCircuit],
  ["there is no connection", withoutServer]
] as const) {
  describe(`${callers.toLocaleString("en")} fibers that call at once while ${name}`, () => {
    const call = (redis: RedisClient.Service) =>
      Effect.forEach(
        Array.from({ length: callers }, (_, i) => i),
        (i) =>
          Effect.flip(
            Effect.asVoid<unknown, { readonly _tag: string }, never>(
              i % 2 === 0 ? redis.get(`${i}`) : redis.set(`${i}`, "value")
            )
          ),
        { concurrency: "unbounded" }
      )

    it.scoped("are all rejected without any time passing", () =>
      Effect.gen(function* () {
        const failures = yield* call(yield* client)
        expect(failures.filter(({ _tag }) => _tag !== "RedisUnavailable")).toEqual([])
      })
    )

    it.scoped("leave nothing behind in memory", () =>
      Effect.gen(function* () {
        const redis = yield* client
        const heap = Effect.replicateEffect(
          Effect.async<number>((resume) => {
            setImmediate(() => {
              Bun.gc(true)
              resume(Effect.sync(() => process.memoryUsage().heapUsed))
            })
          }),
          3
        ).pipe(Effect.map((sizes) => Math.min(...sizes)))
        yield* call(redis)
        const before = yield* heap
        let calls = 0
        const kept = call(redis).pipe(
          Effect.zipRight(heap),
          Effect.map((after) => {
            calls += callers
            return (after - before) / calls
          })
        )
        // the collector takes its time, but what is kept for good would be there every time: a command is some 200 bytes
        const least = yield* Effect.repeat(kept, { until: (bytes) => bytes < 40, times: 9 })
        expect(least, "bytes per call").toBeLessThan(40)
        expect((yield* redis.getStatus).waiting).toBe(0)
      })
    )
  })
}
