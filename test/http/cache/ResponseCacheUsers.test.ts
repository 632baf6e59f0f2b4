import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { MemoryRedis, RedisClient } from "effect-cache-toolkit"
import { ResponseCache } from "effect-cache-toolkit/http-cache"
import * as RequestKey from "../../../src/http/cache/store/RequestKey.js"

/** A handler that answers with what the request says of its user, behind a cache. */
const serve = Effect.fnUntraced(function* (
  options: ResponseCache.Options,
  headers: Record<string, string> = { "cache-control": "max-age=60" }
) {
  const cache = yield* ResponseCache.make(options)
  let runs = 0
  const handle = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(
    cache.cached(
      Effect.map(HttpServerRequest.HttpServerRequest, ({ headers: { authorization = "nobody" } }) => {
        runs += 1
        return HttpServerResponse.text(`${authorization}, run ${runs}`, { headers })
      })
    )
  )
  const send = (headers: Record<string, string> = {}, path = "/me", body: string | null = null) =>
    Effect.promise(async () => {
      const method = "GET"
      const request = new Request(`http://shop.test${path}`, { method, headers })
      if (body !== null) request.headers.set("content-length", String(body.length))
      const response = await handle(request)
      return { text: await response.text(), cacheStatus: response.headers.get("cache-status") ?? "" }
    })
  return { cache, send, runs: () => runs }
})

const bearer = (name: string) => ({ authorization: name })
const user = ({ headers }: HttpServerRequest.HttpServerRequest) =>
  Effect.succeed(Option.fromNullable(headers.authorization))

describe("a stored response", () => {
  it.scoped("is not for requests with credentials, unless that is declared", () =>
    Effect.gen(function* () {
      const { send } = yield* serve({ credentials: ["X-Session"] })
      expect((yield* send()).text).toBe("nobody, run 1")
      const fields = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-session"]
      for (const field of fields) {
        const { cacheStatus, text } = yield* send({ [field]: "a" })
        expect(text).not.toContain("run 1")
        expect(cacheStatus).toBe("effect-cache-toolkit; fwd=bypass; detail=credentials")
      }
      expect((yield* send()).text).toBe("nobody, run 1")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("is for its user alone, also when it is private, and goes with the user's responses", () =>
    Effect.gen(function* () {
      const { cache, send } = yield* serve({ user }, { "cache-control": "private, max-age=60" })
      expect((yield* send(bearer("ada"))).text).toBe("ada, run 1")
      expect((yield* send(bearer("grace"))).text).toBe("grace, run 2")
      expect((yield* send(bearer("ada"))).text).toBe("ada, run 1")
      // no user: what is private is not stored
      expect((yield* send()).text).toBe("nobody, run 3")
      expect((yield* send()).text).toBe("nobody, run 4")
      yield* cache.invalidateUser("ada")
      expect((yield* send(bearer("ada"))).text).toBe("ada, run 5")
      expect((yield* send(bearer("grace"))).text).toBe("grace, run 2")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped(
    "is for all requests where that is declared, except for an answer to Authorization that is not public",
    () =>
      Effect.gen(function* () {
        const { send } = yield* serve({ shared: true })
        expect((yield* send({ cookie: "session=1" })).text).toBe("nobody, run 1")
        expect((yield* send({ cookie: "session=2" })).text).toBe("nobody, run 1")
        expect((yield* send({ authorization: "ada" }, "/b")).text).toBe("ada, run 2")
        expect((yield* send({ authorization: "ada" }, "/b")).text).toBe("ada, run 3")
      }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("is not kept from others by a client whose own response may not be stored", () =>
    Effect.gen(function* () {
      const { send } = yield* serve({ shared: true })
      yield* send({ authorization: "mallory" })
      // the first of the others learns that its response may be stored, and the second stores it
      const texts = yield* Effect.forEach([2, 3, 4], () => send())
      expect(texts.map(({ text }) => text)).toEqual(["nobody, run 2", "nobody, run 3", "nobody, run 3"])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("never sets the cookie of another client, unless that is declared", () =>
    Effect.gen(function* () {
      const headers = { "cache-control": "max-age=60", "set-cookie": "session=1" }
      const careful = yield* serve({ name: "careful" }, headers)
      expect((yield* careful.send()).cacheStatus).toContain("detail=set-cookie")
      expect((yield* careful.send()).text).toBe("nobody, run 2")
      const declared = yield* serve({ name: "declared", store: { setCookie: true } }, headers)
      yield* declared.send()
      expect((yield* declared.send()).text).toBe("nobody, run 1")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("is not selected by fields and contents that are in no key", () =>
    Effect.gen(function* () {
      const { send } = yield* serve({ key: { fields: ["X-Forwarded-Host"] } })
      expect((yield* send({ "x-forwarded-host": "evil.test" })).text).toBe("nobody, run 1")
      expect((yield* send()).text).toBe("nobody, run 2")
      expect((yield* send({ "x-forwarded-host": "evil.test" })).text).toBe("nobody, run 1")
      const fat = yield* send({ "content-length": "5" })
      expect([fat.text, fat.cacheStatus]).toEqual(["nobody, run 3", "effect-cache-toolkit; fwd=bypass; detail=content"])
      expect((yield* send({ range: "bytes=0-1" })).cacheStatus).toContain("detail=range")
      expect((yield* send({ upgrade: "websocket" })).cacheStatus).toContain("detail=upgrade")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("does not depend on the Cache-Control of clients where that is not honoured", () =>
    Effect.gen(function* () {
      const { send } = yield* serve({ honourRequest: false })
      yield* send()
      for (const directive of ["no-cache", "no-store", "max-age=0"]) {
        expect((yield* send({ "cache-control": directive })).text).toBe("nobody, run 1")
      }
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("has a bounded key that shows no user", () =>
    Effect.gen(function* () {
      const { send } = yield* serve({ user })
      yield* send(bearer("ada@example.org"), `/me?q=${"x".repeat(5000)}`)
      yield* send(bearer("ada@example.org"), "/me?q=%00{}:")
      const client = yield* RedisClient.RedisClient
      const [, keys] = (yield* client.send("SCAN", "0", "COUNT", "1000")) as [string, ReadonlyArray<string>]
      const entries = keys.filter((key) => key.startsWith("http:"))
      expect(entries.length).toBe(2)
      for (const key of entries) {
        expect(key.length).toBeLessThan(600)
        expect(key).not.toContain("ada")
      }
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})

describe("the key of a response", () => {
  it("differs where a part differs, for any parts", () => {
    const value = FastCheck.string({ maxLength: 4 })
    const parts = FastCheck.record({
      host: value,
      urls: FastCheck.array(value, { minLength: 1, maxLength: 2 }),
      fields: FastCheck.array(FastCheck.option(value, { nil: undefined }), { maxLength: 2 }),
      user: FastCheck.option(value, { nil: undefined })
    })
    const differing = FastCheck.constantFrom("host" as const, "urls" as const, "fields" as const, "user" as const)
    const text = (parts: RequestKey.KeyParts) =>
      JSON.stringify([parts.host, parts.urls, parts.fields.map((f) => f ?? null), parts.user ?? null])
    FastCheck.assert(
      FastCheck.property(parts, parts, differing, (one, values, part) => {
        const other = { ...one, [part]: values[part] }
        expect(RequestKey.primary(one) === RequestKey.primary(other)).toBe(text(one) === text(other))
        expect(RequestKey.primary(one)).toMatch(/^[ -~]{1,200}$/)
      })
    )
  })
})

describe("a response cache that cannot be right", () => {
  it.scoped.each<[string, ResponseCache.Options, string]>([
    ["is for users and for all", { shared: true, user }, "shared"],
    ["has no name in its header", { cacheStatus: "" }, "cacheStatus"],
    ["stores less than nothing", { store: { maxBodyBytes: -1 } }, "store.maxBodyBytes"],
    ["keeps responses for a negative time", { store: { keepStale: -1 } }, "store.keepStale"],
    ["serves stale ones for a negative time", { stale: { ifError: -1 } }, "stale.ifError"],
    ["estimates more than the whole", { heuristic: { fraction: 2 } }, "heuristic.fraction"],
    ["runs half a handler", { outage: { maxLoads: 0.5 } }, "outage.maxLoads"]
  ])("is a defect that names the option: it %s", ([, options, option]) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(ResponseCache.make(options))
      const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
      expect(String(defect)).toContain(`option \`${option}\``)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
