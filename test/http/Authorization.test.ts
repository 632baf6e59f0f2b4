import * as Headers from "@effect/platform/Headers"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { describe, expect, it, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Authorization from "../../src/http/Authorization.js"
import * as HttpConfig from "../../src/http/HttpConfig.js"
import { services } from "./support/stubs.js"
import * as TestServer from "./support/TestServer.js"

const local = (headers: Record<string, string>, remoteAddress = "127.0.0.1") =>
  Authorization.isLocal(
    HttpServerRequest.fromWeb(new Request("http://localhost/")).modify({
      headers: Headers.fromInput({ host: "localhost:3000", ...headers }),
      remoteAddress
    })
  )

describe("who counts as a program on the same machine", () => {
  it("one that connects from a loopback address", () => {
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) expect(local({}, address)).toBe(true)
    for (const address of ["10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "1127.0.0.1", "fe80::1"]) {
      expect(local({}, address)).toBe(false)
    }
  })

  it("nobody whose address is unknown", () => {
    expect(Authorization.isLocal(HttpServerRequest.fromWeb(new Request("http://localhost/")))).toBe(false)
  })

  it("nobody behind a proxy on this machine", () => {
    for (const name of ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]) {
      expect(local({ [name]: "127.0.0.1" })).toBe(false)
    }
  })

  it("nobody who calls this machine by another name, as a page would after DNS rebinding", () => {
    for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:3000", "[::1]:3000"]) {
      expect(local({ host })).toBe(true)
    }
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil.example:3000", ""]) {
      expect(local({ host })).toBe(false)
    }
  })

  it("no page of another site or port", () => {
    expect(local({ "sec-fetch-site": "cross-site" })).toBe(false)
    expect(local({ "sec-fetch-site": "same-site" })).toBe(false)
    expect(local({ origin: "http://localhost:8080" })).toBe(false)
    expect(local({ origin: "null" })).toBe(false)
    expect(local({ "sec-fetch-site": "same-origin", origin: "http://localhost:3000" })).toBe(true)
  })
})

const body = { username: "ada", displayName: "Ada", email: "ada@example.com" }

layer(TestServer.layer(services()))("without API_TOKEN", (it) => {
  it.effect("writes from this machine are served, whatever token they bring", () =>
    Effect.gen(function* () {
      expect((yield* TestServer.send("POST", "/api/users", body)).status).toBe(201)
      expect((yield* TestServer.send("POST", "/api/users", body, { authorization: "Bearer x" })).status).toBe(201)
    })
  )

  it.effect("a write that came through a proxy is refused with a problem", () =>
    Effect.gen(function* () {
      const answer = yield* TestServer.send("POST", "/api/users", body, { "x-forwarded-for": "127.0.0.1" })
      expect(answer.status).toBe(403)
      expect(answer.json).toMatchObject({ type: "urn:problem-type:forbidden", status: 403 })
    })
  )

  it.effect("a write whose body had to be counted is judged by its socket all the same", () =>
    Effect.gen(function* () {
      const chunked = (headers: Record<string, string>) =>
        TestServer.request("POST", "/api/users", {
          headers: { "content-type": "application/json", ...headers },
          body: new Blob([JSON.stringify(body)]).stream()
        })
      expect((yield* chunked({})).status).toBe(201)
      expect((yield* chunked({ forwarded: "for=127.0.0.1" })).status).toBe(403)
    })
  )

  it.effect("reads are served to anyone", () =>
    Effect.gen(function* () {
      expect((yield* TestServer.get("/api/users/ada/profile", { "x-forwarded-for": "10.0.0.1" })).status).toBe(200)
    })
  )
})

layer(TestServer.layer(services(), { API_TOKEN: "secret" }))("with API_TOKEN", (it) => {
  const post = (headers: Record<string, string>) => TestServer.send("POST", "/api/users", body, headers)

  it.effect("the token opens writes, from anywhere and with any spelling of the scheme", () =>
    Effect.gen(function* () {
      for (const authorization of ["Bearer secret", "bearer secret", "BEARER  secret"]) {
        expect((yield* post({ authorization, "x-forwarded-for": "10.0.0.1" })).status).toBe(201)
      }
    })
  )

  it.effect("without it even this machine is refused and told how to ask", () =>
    Effect.gen(function* () {
      const answer = yield* post({})
      expect(answer.status).toBe(401)
      expect(answer.headers.get("www-authenticate")).toBe(`Bearer realm="effect-cache-toolkit"`)
      expect(answer.json).toMatchObject({ type: "urn:problem-type:unauthorized", reason: "MissingToken" })
    })
  )

  for (const authorization of [
    "Bearer wrong",
    "Bearer secre",
    "Bearer secrets",
    "Bearer SECRET",
    "Bearer secret secret"
  ]) {
    it.effect(`"${authorization}" is refused`, () =>
      Effect.map(post({ authorization }), (answer) => {
        expect(answer.status).toBe(401)
        expect(answer.text).not.toContain("secret")
      })
    )
  }

  for (const authorization of ["Basic! secret", "Basic secret", "secret", "Bearer", "1234567secret"]) {
    it.effect(`"${authorization}" is no bearer token`, () =>
      Effect.map(post({ authorization }), (answer) => {
        expect(answer.json).toMatchObject({ status: 401, reason: "MissingToken" })
      })
    )
  }

  const writes = [
    ["POST", "/api/users"],
    ["PATCH", "/api/users/ada/profile"],
    ["PUT", "/api/users/ada/balance"],
    ["POST", "/api/users/ada/games"],
    ["POST", "/api/users/ada/daily-bonus"],
    ["POST", "/api/users/ada/cache"],
    ["DELETE", "/api/users/ada/cache"],
    ["POST", "/api/players/ada/online"],
    ["DELETE", "/api/players/ada/online"],
    ["POST", "/api/games"],
    ["DELETE", "/api/games/1"]
  ] as const
  for (const [method, path] of writes) {
    it.effect(`${method} ${path} asks for the token before anything else`, () =>
      Effect.map(TestServer.request(method, path), (answer) => expect(answer.status).toBe(401))
    )
  }

  it.effect("health and reads need none", () =>
    Effect.gen(function* () {
      for (const path of ["/api/health", "/api/health/detailed", "/api/counters", "/api/users/ada/profile"]) {
        expect((yield* TestServer.get(path)).status).toBe(200)
      }
    })
  )
})

describe("the settings of the server", () => {
  const load = (settings: Record<string, string>) =>
    Effect.all({ host: HttpConfig.host, port: HttpConfig.port, token: HttpConfig.apiToken }).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))
    )

  it.effect("are 127.0.0.1:3000 and no token when nothing is set, or set to nothing", () =>
    Effect.gen(function* () {
      for (const settings of [{}, { HOST: "", PORT: "", API_TOKEN: "" }]) {
        expect(yield* load(settings)).toEqual({ host: "127.0.0.1", port: 3000, token: Option.none() })
      }
      expect(Option.map((yield* load({ API_TOKEN: "t" })).token, Redacted.value)).toEqual(Option.some("t"))
    })
  )

  for (const PORT of ["x", "-1", "65536", "3000.5", "0x10", "1e3"]) {
    it.effect(`PORT=${JSON.stringify(PORT)} is refused by name, with the accepted form`, () =>
      Effect.map(Effect.flip(load({ PORT })), (error) => {
        expect(String(error)).toMatch(/PORT.*whole number from 0 to 65535/)
      })
    )
  }

  it.effect("HOST with a scheme or a path is refused by name", () =>
    Effect.gen(function* () {
      for (const HOST of ["http://localhost", "localhost/x", "a b"]) {
        expect(String(yield* Effect.flip(load({ HOST })))).toMatch(/HOST.*host name/)
      }
    })
  )

  it.effect("a token that cannot travel in a header is refused without being shown", () =>
    Effect.map(Effect.flip(load({ API_TOKEN: "sesame open" })), (error) => {
      expect(String(error)).toMatch(/API_TOKEN/)
      expect(String(error)).not.toMatch(/sesame/)
    })
  )
})
