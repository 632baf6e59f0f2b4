/** What a client says and does when sentinels are away, wrong or asked for the wrong name. */
import { describe, expect } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { SentinelAddress } from "../../../src/redis/RedisConfig.js"
import { eventually, failsWith, testWith } from "../../support/faults/FaultSuite.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisSentinels from "../../support/server/RedisSentinels.js"
import type { ServerNode } from "../../support/server/ServerNode.js"

const test = testWith("Sentinel")

const options = { connectTimeout: "2 seconds", reconnect: Schedule.spaced("50 millis") } as const

const host = "127.0.0.1"

const connect = (address: SentinelAddress) =>
  Effect.map(Layer.build(driverUnderTest.layerSentinel(address, options)), (context) =>
    Context.get(context, RedisClient)
  )

const addressesOf = (nodes: ReadonlyArray<ServerNode>) => nodes.map(({ port }) => ({ host, port }))

const portOf = (redis: RedisClient.Service) =>
  Effect.map(redis.getStatus, ({ address }) => Number(/:(\d+)\//.exec(Option.getOrElse(address, () => ""))?.[1]))

const failureOf = (redis: RedisClient.Service) =>
  Effect.map(redis.getStatus, ({ lastFailure }) =>
    Option.match(lastFailure, { onNone: () => "", onSome: ({ message }) => message })
  )

describe("sentinels in trouble", () => {
  test("one that is down, and one that stands still, cost a client nothing but the question", () =>
    Effect.gen(function* () {
      const { awaitAgreement, master, primary, sentinels } = yield* RedisSentinels.make()
      const [down, still] = sentinels
      yield* down?.kill ?? Effect.void
      yield* still?.signal("SIGSTOP") ?? Effect.void
      const redis = yield* connect({ master, sentinels: addressesOf(sentinels) })
      expect(yield* redis.set("key", "value")).toBe(true)
      expect(yield* portOf(redis)).toBe((yield* primary).port)
      yield* still?.signal("SIGCONT") ?? Effect.void
      yield* down?.start ?? Effect.void
      yield* awaitAgreement
    }))

  test("that still name a dead primary keep no client from the next one", () =>
    Effect.gen(function* () {
      const world = yield* RedisSentinels.make()
      const first = yield* world.primary
      yield* first.kill
      const redis = yield* connect({ master: world.master, sentinels: addressesOf(world.sentinels) })
      expect(yield* failureOf(redis)).toContain(`127.0.0.1:${first.port}`)
      yield* world.awaitAgreement
      const second = yield* world.primary
      yield* eventually(
        "it is connected to the new primary",
        Effect.map(portOf(redis), (port) => port === second.port)
      )
      expect(yield* redis.set("key", "value")).toBe(true)
    }))

  test("that do not know the master are named with REDIS_SENTINEL_MASTER, and a wrong password with its variable", () =>
    Effect.gen(function* () {
      const world = yield* RedisSentinels.make({ password: "of-servers", sentinelPassword: "of-sentinels" })
      const address = {
        master: world.master,
        sentinels: addressesOf(world.sentinels),
        password: Redacted.make("of-servers"),
        sentinelPassword: Redacted.make("of-sentinels")
      }
      const unknown = yield* connect({ ...address, master: "nobody" })
      yield* failsWith(unknown, "UnknownMaster")
      expect(yield* failureOf(unknown)).toMatch(/REDIS_SENTINEL_MASTER.*#nobody/)

      for (const sentinelPassword of [undefined, Redacted.make("hidden")]) {
        const refused = yield* connect({ ...address, sentinelPassword })
        yield* failsWith(refused, "SentinelsUnavailable")
        const message = yield* failureOf(refused)
        expect(message).toContain("REDIS_SENTINEL_PASSWORD")
        expect(message).toMatch(sentinelPassword === undefined ? /PasswordRequired/ : /WrongPassword/)
        expect(message).not.toContain("hidden")
      }

      const login = yield* connect({ ...address, password: Redacted.make("hidden") })
      yield* failsWith(login, "WrongPassword")
      expect(yield* failureOf(login)).not.toContain("hidden")

      const gone = yield* connect({ ...address, sentinels: [{ host, port: 1 }] })
      yield* failsWith(gone, "SentinelsUnavailable")
      expect(yield* failureOf(gone)).toMatch(/redis-sentinel:\/\/127.0.0.1:1\/0#the-primary: 127.0.0.1:1: Refused/)
    }))

  test("are read from the environment, with their login", () =>
    Effect.gen(function* () {
      const world = yield* RedisSentinels.make({ password: "of-servers", sentinelPassword: "of-sentinels" })
      const variables = {
        REDIS_SENTINELS: world.sentinels.map(({ port }) => `${host}:${port}`).join(","),
        REDIS_SENTINEL_MASTER: world.master,
        REDIS_SENTINEL_PASSWORD: "of-sentinels",
        REDIS_PASSWORD: "of-servers",
        REDIS_DB: "2"
      }
      const context = yield* Layer.build(driverUnderTest.layerConfig(options)).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
      )
      const redis = Context.get(context, RedisClient)
      expect(yield* redis.set("key", "value")).toBe(true)
      const primary = yield* world.primary
      expect(yield* redis.getStatus).toMatchObject({ address: Option.some(`redis://127.0.0.1:${primary.port}/2`) })
    }))
})
