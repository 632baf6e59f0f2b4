import { describe, expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { SentinelAddress } from "../../../src/redis/RedisConfig.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as MixedCallers from "../../support/cache/MixedCallers.js"
import {
  available,
  eventually,
  expectNoUnhandledRejections,
  testWith,
  unless
} from "../../support/faults/FaultSuite.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisSentinels from "../../support/server/RedisSentinels.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import type { ServerNode } from "../../support/server/ServerNode.js"
import * as SkewedClock from "../../support/server/SkewedClock.js"

expectNoUnhandledRejections()

const test = testWith("Sentinel")

const options: ClientOptions = {
  connectTimeout: "2 seconds",
  commandTimeout: "500 millis",
  heartbeatInterval: "100 millis",
  reconnect: Schedule.spaced("100 millis"),
  circuitBreaker: { openFor: "100 millis" }
}

const addressOf = ({ master, sentinels }: RedisSentinels.RedisSentinels): SentinelAddress => ({
  sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
  master
})

const connect = (address: SentinelAddress) =>
  Effect.map(Layer.build(driverUnderTest.layerSentinel(address, options)), (context) =>
    Context.get(context, RedisClient)
  )

const leadsTo = (redis: RedisClient.Service, server: ServerNode) =>
  eventually(
    `the client is connected to ${server.port}`,
    Effect.map(
      redis.getStatus,
      ({ address, connected }) =>
        connected && Option.getOrElse(address, () => "").startsWith(`redis://127.0.0.1:${server.port}/`)
    )
  )

describe("a client behind sentinels", () => {
  test("follows the primary through kill -9, a stopped primary and a failover by hand, also with its subscriptions", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const followed: Array<string> = []
      const world = yield* RedisSentinels.make({ password: "hidden-1", sentinelPassword: "hidden-2" })
      const address = {
        ...addressOf(world),
        password: Redacted.make("hidden-1"),
        sentinelPassword: Redacted.make("hidden-2")
      }
      yield* Effect.gen(function* () {
        const redis = yield* connect(address)
        yield* leadsTo(redis, yield* world.primary)
        const heard: Array<string> = []
        yield* redis.subscribe("news").pipe(
          Stream.runForEach((event) => Effect.sync(() => void (event._tag === "Message" && heard.push(event.message)))),
          Effect.forkScoped
        )
        const follows = (message: string) =>
          Effect.gen(function* () {
            const primary = yield* world.primary
            yield* leadsTo(redis, primary)
            followed.push(`${primary.port}`)
            yield* available(redis)
            expect(yield* redis.set("key", message)).toBe(true)
            expect(yield* primary.send("GET", "key")).toBe(message)
            yield* eventually(
              "a message is heard",
              Effect.zipRight(
                primary.send("PUBLISH", "news", message),
                Effect.sync(() => heard.includes(message))
              )
            )
          })
        yield* follows("first")

        const first = yield* world.primary
        yield* first.kill
        yield* world.awaitAgreement
        yield* follows("after kill -9")
        yield* first.start
        yield* world.awaitAgreement

        const second = yield* world.primary
        yield* second.signal("SIGSTOP")
        yield* world.awaitAgreement
        yield* follows("after SIGSTOP")
        yield* second.signal("SIGCONT")
        yield* world.awaitAgreement

        yield* world.failover
        yield* follows("after a failover by hand")
      }).pipe(Effect.provide(log.layer))
      const lines = log.lines.map(({ text }) => text)
      const found = new Set(lines.flatMap((line) => /^the primary the-primary is .*:(\d+)\/0$/.exec(line)?.[1] ?? []))
      expect(found, "the log names each primary").toEqual(new Set(followed))
      expect(lines.join("\n")).not.toContain("hidden")
    }))

  for (const [how, fault] of [
    ["kill -9", (primary: ServerNode) => primary.kill],
    ["SIGSTOP", (primary: ServerNode) => primary.signal("SIGSTOP")]
  ] as const) {
    test(`answers 100 callers rightly through ${how} of the primary, and recovers without help`, () =>
      Effect.gen(function* () {
        const world = yield* RedisSentinels.make()
        const redis = yield* Effect.all([connect(addressOf(world)), connect(addressOf(world))])
        const callers = yield* MixedCallers.start({ name: "load", redis, callers: 100 })
        const servedFromRedis = Effect.suspend(() => {
          const before = callers.sources.get("Redis") ?? 0
          return eventually(
            "reads are served from Redis",
            Effect.sync(() => (callers.sources.get("Redis") ?? 0) > before + 500)
          )
        })
        yield* servedFromRedis
        const first = yield* world.primary
        yield* fault(first)
        yield* world.awaitAgreement
        const second = yield* world.primary
        yield* Effect.forEach(redis, (client) => leadsTo(client, second))
        yield* servedFromRedis
        yield* how === "SIGSTOP" ? first.signal("SIGCONT") : first.start
        yield* world.awaitAgreement
        yield* servedFromRedis
        yield* callers.stop
        expect(callers.mistakes).toEqual([])
        expect(callers.writes.acknowledged).toBeGreaterThan(100)
        expect(callers.sources.get("Degraded"), "the fault was felt").toBeGreaterThan(0)
      }))
  }

  unless(RedisServer.skipReasonFor("Sentinel") ?? SkewedClock.skipReason)(
    "answers 100 callers rightly through failovers to servers whose clocks are 5 seconds behind and ahead",
    () =>
      Effect.gen(function* () {
        const clock = yield* SkewedClock.make
        const world = yield* RedisSentinels.make({ environment: (index) => clock([5, 0, 0][index] ?? 0) })
        const redis = yield* Effect.all([connect(addressOf(world)), connect(addressOf(world))])
        const callers = yield* MixedCallers.start({ name: "load", redis, callers: 100 })
        const servedFromRedis = Effect.suspend(() => {
          const before = callers.sources.get("Redis") ?? 0
          return eventually(
            "reads are served from Redis",
            Effect.sync(() => (callers.sources.get("Redis") ?? 0) > before + 500)
          )
        })
        yield* servedFromRedis
        for (let i = 0; i < 2; i++) {
          const before = yield* world.primary
          yield* before.kill
          yield* world.awaitAgreement
          yield* servedFromRedis
          yield* before.start
          yield* world.awaitAgreement
          yield* servedFromRedis
        }
        yield* callers.stop
        expect(callers.mistakes).toEqual([])
        expect(callers.writes.acknowledged).toBeGreaterThan(100)
      })
  )
})
