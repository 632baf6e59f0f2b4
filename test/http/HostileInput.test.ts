import { describe, expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { services } from "./support/stubs.js"
import * as TestServer from "./support/TestServer.js"

const body = JSON.stringify({ username: "ada", displayName: "Ada", email: "ada@example.com" })

const problem = (answer: TestServer.Answer, status: number) => {
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(answer.status).toBe(status)
  expect(answer.json).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
  expect(answer.text).not.toMatch(/\bat .+:\d+|node_modules|\.ts\b/)
}

describe("hostile input", () => {
  layer(TestServer.layer(services()))((it) => {
    const ids: ReadonlyArray<readonly [what: string, id: string, status: number]> = [
      ["a star", "*", 404],
      ["an encoded star", "%2A", 404],
      ["no id at all", "", 404],
      ["600 bytes", "x".repeat(600), 400],
      ["512 bytes", "x".repeat(512), 404],
      ["200 characters of three bytes", "%E2%82%AC".repeat(200), 400],
      ["a newline", "%0A", 400],
      ["a NUL", "a%00b", 400],
      ["braces", "%7Bx%7D", 404],
      ["raw braces", "{x}", 404],
      ["an encoded slash", "a%2Fb", 404],
      ["an encoded percent sign", "%2525", 404],
      ["a path upwards", "..%2f..%2fetc", 404],
      ["another language", "%E6%97%A5%E6%9C%AC", 404],
      ["invalid UTF-8", "%FF%FE", 400],
      ["a cut escape", "%E0%A4", 400],
      ["half an escape", "%", 400],
      ["an encoded lone surrogate", "%ED%A0%80", 400],
      ["a prototype's name", "__proto__", 404],
      ["a query of its own", "%3Fx=1", 404],
      ["10,000 bytes", "x".repeat(10_000), 400]
    ]
    for (const [what, id, status] of ids) {
      it.effect(`an id that is ${what} is answered ${status} with a problem`, () =>
        Effect.map(TestServer.get(`/api/users/${id}/profile`), (answer) => problem(answer, status))
      )
    }

    const bodies: ReadonlyArray<readonly [what: string, body: string, status: number, detail: RegExp]> = [
      ["broken JSON", "{", 400, /not valid JSON/],
      ["deeply nested JSON", "[".repeat(60_000), 400, /./],
      ["a bare null", "null", 400, /./],
      ["an array", "[]", 400, /username|array|Expected/],
      ["without a field", `{"username":"ada","displayName":"Ada"}`, 400, /^email: is missing/],
      ["with a field of the wrong type", body.replace(`"Ada"`, "7"), 400, /^displayName: /],
      ["with an empty name", body.replace(`"ada"`, `""`), 400, /^username: /],
      ["with a malformed address", body.replace("@", " "), 400, /^email: /],
      ["with half a surrogate pair in a name", body.replace("Ada", "\\ud800"), 400, /^displayName: is not well-formed/],
      ["with an unknown field", body.replace("{", `{"admin":true,`), 400, /^admin: is unexpected/],
      ["with a huge value", body.replace("Ada", "x".repeat(50_000)), 400, /^displayName: .{0,220}$/]
    ]
    for (const [what, text, status, detail] of bodies) {
      it.effect(`a body that is ${what} is answered ${status} and says so`, () =>
        Effect.map(TestServer.send("POST", "/api/users", text), (answer) => {
          problem(answer, status)
          expect((answer.json as { detail: string }).detail).toMatch(detail)
        })
      )
    }

    it.effect("a missing body is answered 400", () =>
      Effect.map(TestServer.act("POST", "/api/users"), (answer) => problem(answer, 400))
    )

    it.effect("a form is answered 415, since a page of another site could send it", () =>
      Effect.map(
        TestServer.request("POST", "/api/users", { body: new URLSearchParams({ username: "ada" }) }),
        (answer) => problem(answer, 415)
      )
    )

    it.effect("a body of exactly 64 KiB is read, and one byte more is answered 413", () =>
      Effect.gen(function* () {
        const padded = (length: number) => body + " ".repeat(length - body.length)
        expect((yield* TestServer.send("POST", "/api/users", padded(64 * 1024))).status).toBe(201)
        problem(yield* TestServer.send("POST", "/api/users", padded(64 * 1024 + 1)), 413)
      })
    )

    const chunked = (size: number) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(body))
          for (let sent = body.length; sent < size; sent += 1024) {
            controller.enqueue(new TextEncoder().encode(" ".repeat(Math.min(1024, size - sent))))
          }
          controller.close()
        }
      })

    it.effect("a body without a length is read up to 64 KiB and answered 413 beyond", () =>
      Effect.gen(function* () {
        const post = (size: number) =>
          TestServer.request("POST", "/api/users", {
            headers: { ...TestServer.asHolder, "content-type": "application/json" },
            body: chunked(size)
          })
        const created = yield* post(64 * 1024)
        expect(created.status).toBe(201)
        expect(created.json).toMatchObject({ username: "ada" })
        problem(yield* post(64 * 1024 + 1), 413)
        problem(yield* post(2_000_000), 413)
      })
    )

    it.effect("a request that declares gigabytes is answered 413 without waiting for them", () =>
      Effect.map(
        TestServer.raw(
          "POST /api/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{"
        ),
        (answer) => expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      )
    )

    for (const query of ["limit=0", "limit=101", "limit=x", "limit=1.5", "offset=-1", "limit=1&limit=2", "limit="]) {
      it.effect(`a leaderboard page with ${query} is answered 400 naming the parameter`, () =>
        Effect.map(TestServer.get(`/api/leaderboards/global?${query}`), (answer) => {
          problem(answer, 400)
          expect((answer.json as { detail: string }).detail).toMatch(/^(limit|offset)/)
        })
      )
    }

    for (const path of ["/", "/api", "/api/", "/api/nothing", "/api/users/ada", "//", "/api/users//", "/favicon.ico"]) {
      it.effect(`${path} is answered 404 with a problem`, () =>
        Effect.map(TestServer.get(path), (answer) => problem(answer, 404))
      )
    }

    it.effect("a wrong method is answered 405 and told the right ones", () =>
      Effect.gen(function* () {
        const answer = yield* TestServer.act("DELETE", "/api/users/ada/profile")
        problem(answer, 405)
        expect(answer.headers.get("allow")).toBe("GET, PATCH, HEAD, OPTIONS")
      })
    )

    it.effect("OPTIONS tells the methods, HEAD what GET would without a body", () =>
      Effect.gen(function* () {
        const options = yield* TestServer.request("OPTIONS", "/api/users/ada/balance")
        expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, PUT, HEAD, OPTIONS"])
        const head = yield* TestServer.request("HEAD", "/api/users/ada/profile")
        expect([head.status, head.text, head.headers.get("cache-status")]).toEqual([
          200,
          "",
          "effect-cache-toolkit; fwd=miss"
        ])
      })
    )

    for (const line of ["TRACE /api/health", "BREW /api/health", "GET http://other.example/api/nothing", "GET *"]) {
      it.effect(`the request line "${line}" is answered with an error, and the server lives on`, () =>
        Effect.gen(function* () {
          const answer = yield* TestServer.raw(`${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
          expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
          expect((yield* TestServer.get("/api/health")).status).toBe(200)
        })
      )
    }
  })

  const lines: Array<string> = []
  const log = Logger.replace(
    Logger.defaultLogger,
    Logger.map(Logger.logfmtLogger, (line) => void lines.push(line))
  )
  layer(
    TestServer.layer(
      services({
        readUserProfile: () => Effect.die(new Error("secret inner workings")),
        readUserBalance: () => Effect.die("secret text")
      })
    ).pipe(Layer.provide(log))
  )((it) => {
    for (const [path, text] of [
      ["profile", "secret inner workings"],
      ["balance", "secret text"]
    ] as const) {
      it.effect(`a defect while reading the ${path} is answered 500 without its text, which the log has`, () =>
        Effect.map(TestServer.get(`/api/users/ada/${path}`), (answer) => {
          problem(answer, 500)
          expect(answer.text).not.toMatch(/secret/)
          expect(lines.filter((line) => line.includes("ended in a defect")).at(-1)).toContain(text)
        })
      )
    }
  })
})
