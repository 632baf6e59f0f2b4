/** `effect-cache settings` beside an application that listens to settings. */
import { userInfo } from "node:os"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import * as RunCli from "../support/cli/RunCli.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"

const cities = TypedCache.make({
  name: "city",
  key: Schema.String,
  value: Schema.String,
  timeToLive: "1 hour",
  lookup: (id) => Effect.succeed(id)
})

const by = ["--by", "ada"]

describe("effect-cache settings", () => {
  it.scopedLive("sets, lists and unsets options of a cache in a running process", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const server = yield* RedisServer.make()
      const variables = { REDIS_URL: server.url }
      yield* Effect.gen(function* () {
        const cache = yield* cities
        const isOn = (wanted: boolean) =>
          until(`the cache is ${wanted ? "on" : "off"}`, () => Effect.map(cache.isAvailable, (isOn) => isOn === wanted))
        const settings = (...args: ReadonlyArray<string>) => RunCli.run(variables, "settings", ...args)

        expect((yield* settings()).all).toBe("no setting is made")
        const off = yield* settings("set", "city", "--switch", "off", "--for", "1 hour", "--yes", ...by)
        expect(off).toMatchObject({ exitCode: 0 })
        expect(off.all).toMatch(/^city +enabled +off +by ada +at 20\S+ +for another (1h|59m 59s)$/)
        yield* isOn(false)
        expect(
          yield* settings(
            "set",
            "city",
            "--time-to-live",
            "5 minutes",
            "--stale-for",
            "1 hour",
            "--max-lookups",
            "8",
            "--yes"
          )
        ).toMatchObject({ exitCode: 0 })
        expect(RunCli.json(yield* settings("--json"))).toMatchObject({
          settings: expect.arrayContaining([
            expect.objectContaining({ cache: "city", option: "timeToLive", value: 300_000, by: userInfo().username }),
            expect.objectContaining({ cache: "city", option: "staleFor", value: 3_600_000 }),
            expect.objectContaining({ cache: "city", option: "outage.maxLookups", value: 8 })
          ])
        })
        expect(yield* settings("unset", "city", "--option", "enabled", "--yes", ...by)).toMatchObject({ exitCode: 0 })
        yield* isOn(true)
        yield* settings("unset", "city", "--yes", ...by)
        yield* settings("set", "city", "--switch", "off", "--once", "--yes", ...by)
        yield* isOn(false)
        expect((yield* settings()).all).toBe("no setting is made")
        yield* settings("unset", "city", "--yes", ...by)
        yield* isOn(true)
      }).pipe(
        Effect.provide(RuntimeSettings.layer),
        Effect.provide(driverUnderTest.layer({ host: "127.0.0.1", port: server.port })),
        Effect.scoped
      )
    })
  )

  it.scopedLive("sets, lists and unsets the numbers of a limit in a running process", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const server = yield* RedisServer.make()
      const variables = { REDIS_URL: server.url }
      yield* Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const mails = RateLimiter.tokenBucket({ name: "mails", limit: 2, window: "1 hour", onUnavailable: "deny" })
        const isNow = (most: number) =>
          until(`the limit is ${most}`, () => Effect.map(limiter.applied(mails), ({ limit }) => limit === most))
        const settings = (...args: ReadonlyArray<string>) => RunCli.run(variables, "settings", ...args)

        yield* limiter.consume("everyone", mails, { cost: 2 })
        expect((yield* limiter.consume("everyone", mails)).allowed).toBe(false)
        const raised = yield* settings("set-limit", "mails", "--limit", "5", "--for", "1 hour", "--yes", ...by)
        expect(raised.all).toMatch(/^limit mails +limit +5 +by ada +at 20\S+ +for another (1h|59m 59s)$/)
        yield* isNow(5)
        expect(yield* limiter.consume("everyone", mails)).toMatchObject({ allowed: true, limit: 5 })
        expect(
          yield* settings("set-limit", "mails", "--window", "1 minute", "--burst", "7", "--yes", ...by)
        ).toMatchObject({ exitCode: 0 })
        expect(RunCli.json(yield* settings("--json"))).toMatchObject({
          settings: expect.arrayContaining([
            expect.objectContaining({ limit: "mails", option: "limit", value: 5, by: "ada" }),
            expect.objectContaining({ limit: "mails", option: "window", value: 60_000 }),
            expect.objectContaining({ limit: "mails", option: "burst", value: 7 })
          ])
        })
        yield* settings("unset-limit", "mails", "--option", "limit", "--yes", ...by)
        yield* isNow(2)
        expect((yield* limiter.applied(mails)).burst).toBe(7)
        expect((yield* settings("unset-limit", "mails", "--yes", ...by)).all).toBe(
          "the limit mails has what it was built with: limit, window, burst"
        )
        yield* settings("set-limit", "mails", "--limit", "9", "--once", "--yes", ...by)
        yield* isNow(9)
        expect((yield* settings()).all).toBe("no setting is made")
      }).pipe(
        Effect.provide(RuntimeSettings.layer),
        Effect.provide(driverUnderTest.layer({ host: "127.0.0.1", port: server.port })),
        Effect.scoped
      )
    })
  )

  it.effect("refuses what cannot be right, and what nobody confirms, before it connects", () =>
    Effect.gen(function* () {
      const refused = (...args: ReadonlyArray<string>) =>
        Effect.map(
          RunCli.run({ REDIS_URL: "redis://127.0.0.1:1" }, "settings", ...args, ...by),
          ({ all, exitCode }) => [exitCode, all]
        )
      const because = (part: string) => [2, expect.stringContaining(part)]
      expect(yield* refused("set", "city", "--max-lookups", "0", "--yes")).toEqual(because("`outage.maxLookups` is 0"))
      expect(yield* refused("set", "city", "--time-to-live", "soon", "--yes")).toEqual(because("such as '5 minutes'"))
      expect(yield* refused("set", "city", "--yes")).toEqual(because("none of timeToLive"))
      expect(yield* refused("set", "a{b", "--switch", "off", "--yes")).toEqual(because("no cache can have the name"))
      expect(yield* refused("set", "city", "--switch", "off")).toEqual(because("repeat it with --yes"))
      expect(yield* refused("unset", "city")).toEqual(because("repeat it with --yes"))
      expect(yield* refused("set-limit", "mails", "--limit", "-1", "--yes")).toEqual(because("`limit` is -1"))
      expect(yield* refused("set-limit", "mails", "--window", "soon", "--yes")).toEqual(because("such as '5 minutes'"))
      expect(yield* refused("set-limit", "mails", "--yes")).toEqual(because("none of limit, window and burst"))
      expect(yield* refused("set-limit", "a{b", "--limit", "5", "--yes")).toEqual(because("printable ASCII"))
      expect(yield* refused("set-limit", "mails", "--limit", "5")).toEqual(because("repeat it with --yes"))
      expect(yield* refused("unset-limit", "mails")).toEqual(because("repeat it with --yes"))
    })
  )
})
