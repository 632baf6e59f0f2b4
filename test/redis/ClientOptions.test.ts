import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SupervisedExecutor from "../../src/redis/connection/SupervisedExecutor.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import type * as RedisConfig from "../../src/redis/RedisConfig.js"
import { withRetry } from "../../src/redis/RetryPolicy.js"
import * as Scripted from "../support/faults/ScriptedDriver.js"
import { driverName, driverUnderTest } from "../support/server/drivers.js"

const owner = driverName === "IoRedis5" ? "IoRedis" : driverName

/** The message of the defect that building ends with. */
const defectOf = <A, E, R>(build: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(build)), (cause) => String(Cause.squash(cause)))

describe("a client whose options cannot be right", () => {
  it.scoped.each([
    ["maxKeysPerRead", { maxKeysPerRead: 0 }],
    ["maxInFlight", { maxInFlight: 0 }],
    ["maxWaiting", { maxWaiting: -1 }],
    ["timeoutsToGiveUp", { timeoutsToGiveUp: 0.5 }],
    ["subscriptionBuffer", { subscriptionBuffer: Number.NaN }],
    ["commandTimeout", { commandTimeout: 0 }],
    ["connectTimeout", { connectTimeout: Number.NaN }],
    ["subscribeTimeout", { subscribeTimeout: -1 }],
    ["heartbeatInterval", { heartbeatInterval: "0 seconds" }],
    ["failureRate", { circuitBreaker: { failureRate: 7 } }],
    ["minimumCalls", { circuitBreaker: { minimumCalls: 0 } }],
    ["window", { circuitBreaker: { window: 0 } }],
    ["openFor", { circuitBreaker: { openFor: 0 } }]
  ] as ReadonlyArray<[string, SupervisedExecutor.ClientOptions]>)(
    "dies while it is built, naming %s",
    ([name, options]) =>
      Effect.gen(function* () {
        const server = yield* Scripted.make
        const defect = yield* defectOf(SupervisedExecutor.make(server.driver, options))
        expect(defect).toContain(`option \`${name}\``)
        expect(server.commands()).toEqual([])
      })
  )

  it.scoped.each([
    ["port", { port: 0 }],
    ["port", { port: 65_536 }],
    ["port", { port: Number.NaN }],
    ["database", { database: -1 }],
    ["database", { database: 1.5 }]
  ] as ReadonlyArray<[string, RedisConfig.RedisAddress]>)(
    "dies while the driver's layer is built, naming the %s of the address: %o",
    ([name, address]) =>
      Effect.gen(function* () {
        expect(yield* defectOf(Layer.build(driverUnderTest.layer(address)))).toContain(
          `${owner}: option \`${name}\` is`
        )
      })
  )

  it("throws where the driver is made, naming connectTimeout", () => {
    for (const connectTimeout of [0, -1, Number.NaN]) {
      expect(() => driverUnderTest.driver({}, connectTimeout)).toThrow(`${owner}: option \`connectTimeout\` is`)
    }
  })

  it.effect("dies where a retry policy begins, naming within", () =>
    Effect.gen(function* () {
      for (const within of [-1, Number.NaN]) {
        const message = yield* defectOf(withRetry({ within })(Effect.void))
        expect(message).toContain("RetryPolicy.withRetry: option `within` is")
      }
      expect(yield* withRetry({ within: Number.POSITIVE_INFINITY })(Effect.succeed(1))).toBe(1)
    })
  )

  it.scoped("dies in memory too, naming maxKeys", () =>
    Effect.gen(function* () {
      expect(yield* defectOf(MemoryRedis.makeExecutor({ maxKeys: 0 }))).toContain("option `maxKeys` is 0")
    })
  )
})
