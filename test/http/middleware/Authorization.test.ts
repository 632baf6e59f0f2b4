import { describe, expect, it, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as HttpConfig from "../../../src/http/HttpConfig.js"
import { services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

const body = { username: "ada", displayName: "Ada", email: "ada@example.com" }

layer(TestServer.layer(services(), { API_TOKEN: "secret" }))("a write", (it) => {
  const post = (headers: Record<string, string>) =>
    TestServer.request("POST", "/api/users", {
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body)
    })

  it.effect("is served to the holder of the token, from anywhere and with any spelling of the scheme", () =>
    Effect.gen(function* () {
      for (const authorization of ["Bearer secret", "bearer secret", "BEARER  secret"]) {
        expect((yield* post({ authorization, "x-forwarded-for": "10.0.0.1" })).status).toBe(201)
      }
    })
  )

  it.effect("is rejected without the token, whatever address or headers it comes with, and told how to ask", () =>
    Effect.gen(function* () {
      for (const headers of [
        { "x-forwarded-for": "127.0.0.1" },
        { forwarded: "for=127.0.0.1" },
        { host: "localhost", origin: "http://localhost" }
      ]) {
        expect((yield* post(headers)).status).toBe(401)
      }
      // as a plain nginx or HAProxy on the same machine passes it on: from 127.0.0.1, and without a further header
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
    it.effect(`"${authorization}" is rejected`, () =>
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

  it.effect("that had to be counted is judged by the token all the same", () =>
    Effect.gen(function* () {
      const chunked = (headers: Record<string, string>) =>
        TestServer.request("POST", "/api/users", {
          headers: { "content-type": "application/json", ...headers },
          body: new Blob([JSON.stringify(body)]).stream()
        })
      expect((yield* chunked({ authorization: "Bearer secret" })).status).toBe(201)
      expect((yield* chunked({})).status).toBe(401)
    })
  )

  it.effect("health and reads need no token", () =>
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
    it.effect(`PORT=${JSON.stringify(PORT)} is rejected by name, with the accepted form`, () =>
      Effect.map(Effect.flip(load({ PORT })), (error) => {
        expect(String(error)).toMatch(/PORT.*whole number from 0 to 65535/)
      })
    )
  }

  it.effect("HOST with a scheme or a path is rejected by name", () =>
    Effect.gen(function* () {
      for (const HOST of ["http://localhost", "localhost/x", "a b"]) {
        expect(String(yield* Effect.flip(load({ HOST })))).toMatch(/HOST.*host name/)
      }
    })
  )

  it.effect("a token that cannot travel in a header is rejected without being shown", () =>
    Effect.map(Effect.flip(load({ API_TOKEN: "sesame open" })), (error) => {
      expect(String(error)).toMatch(/API_TOKEN/)
      expect(String(error)).not.toMatch(/sesame/)
    })
  )
})
