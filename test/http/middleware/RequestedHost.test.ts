import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { isAllowed } from "../../../src/http/middleware/RequestedHost.js"
import { services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

describe("the names of this machine", () => {
  it("include those that no DNS can point elsewhere, on any port", () => {
    for (const host of ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000"]) {
      expect([host, isAllowed(host, [])]).toEqual([host, true])
    }
  })

  it("include none that an attacker's DNS could point here", () => {
    for (const host of [
      "evil.example",
      "evil.example:3000",
      "localhost.evil.example",
      "127.0.0.1.nip.io",
      "localhost, evil.example",
      "evil.example:3000:localhost",
      ""
    ]) {
      expect([host, isAllowed(host, [])]).toEqual([host, false])
    }
  })

  it("include those that the operator allows", () => {
    expect(isAllowed("Game.Example.com:443", ["game.example.com"])).toBe(true)
    expect(isAllowed("evil.game.example.com", ["game.example.com"])).toBe(false)
  })
})

const paths = ["/api/users/ada/profile", "/api/health", "/api/openapi.json", "/docs", "/nothing/here"]

const statuses = (host: string) =>
  Effect.forEach(paths, (path) =>
    Effect.map(TestServer.raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), (answer) =>
      Number(answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length))
    )
  )

layer(TestServer.layer(services()))("a server that listens on loopback", (it) => {
  it.effect("answers 421 with a problem to a foreign name, reads and pages too", () =>
    Effect.gen(function* () {
      expect(yield* statuses("evil.example:3000")).toEqual([421, 421, 421, 421, 421])
      const answer = yield* TestServer.get("/api/users/ada/profile", { host: "evil.example" })
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      expect(answer.json).toMatchObject({ status: 421, title: "Misdirected Request" })
      const write = yield* TestServer.send("POST", "/api/users", {}, { host: "evil.example" })
      expect(write.status).toBe(421)
    })
  )

  it.effect("answers to its own names, and to HTTP/1.0 without any", () =>
    Effect.gen(function* () {
      expect(yield* statuses("localhost:1234")).toEqual([200, 200, 200, 200, 404])
      expect(yield* statuses("[::1]")).toEqual([200, 200, 200, 200, 404])
      expect(yield* TestServer.raw("GET /api/health HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 /)
    })
  )
})

layer(TestServer.layer(services(), { ALLOWED_HOSTS: "game.example.com, other.example.com" }))(
  "a server with ALLOWED_HOSTS",
  (it) => {
    it.effect("answers to these names too, and to no others", () =>
      Effect.gen(function* () {
        expect(yield* statuses("game.example.com")).toEqual([200, 200, 200, 200, 404])
        expect(yield* statuses("localhost")).toEqual([200, 200, 200, 200, 404])
        expect(yield* statuses("evil.example")).toEqual([421, 421, 421, 421, 421])
      })
    )
  }
)
