import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as CacheService from "../../src/game/CacheService.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import type { UserId } from "../../src/game/Player.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as CapturedLog from "../support/CapturedLog.js"
import { served, services } from "./support/stubs.js"
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
      ["64 KB of brackets", "[".repeat(64 * 1024), 400, /nests deeper than 32/],
      ["64 KB of brackets and their ends", "[".repeat(32 * 1024) + "]".repeat(32 * 1024), 400, /nests deeper than 32/],
      ["64 KB of objects", `{"a":`.repeat(10_000) + "1" + "}".repeat(10_000), 400, /nests deeper than 32/],
      ["brackets in a text", body.replace("Ada", "[".repeat(100)), 201, /^$/],
      ["a bracket behind an escaped quote", body.replace("Ada", `\\"${"[".repeat(100)}`), 201, /^$/],
      ["with U+0000 in a name", body.replace("Ada", "A\\u0000a"), 400, /^displayName: holds U\+0000/],
      ["with half a pair in an unknown field", body.replace("{", `{"\\ud800":1,`), 400, /half a surrogate pair/],
      ["in UTF-16", Buffer.from(body, "utf16le").toString("latin1"), 400, /./],
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
          expect(answer.status).toBe(status)
          if (status < 400) return
          problem(answer, status)
          expect((answer.json as { detail: string }).detail).toMatch(detail)
        })
      )
    }

    it.effect("a missing body is answered 400", () =>
      Effect.map(TestServer.act("POST", "/api/users"), (answer) => problem(answer, 400))
    )

    it.effect("a number beyond the safe integers is answered 400", () =>
      Effect.gen(function* () {
        for (const number of ["9007199254740992", "1e16", "1e400", "-1", "0.5", "1.7976931348623157e308"]) {
          const score = yield* TestServer.send("POST", "/api/users/ada/games", `{"won":true,"score":${number}}`)
          problem(score, 400)
          problem(yield* TestServer.send("PUT", "/api/users/ada/balance", `{"balance":${number}}`), 400)
        }
      })
    )

    for (const [what, headers] of [
      ["compressed", { "content-encoding": "gzip" }],
      ["compressed twice", { "content-encoding": "gzip, br" }],
      ["in another charset", { "content-type": "application/json; charset=iso-8859-1" }],
      ["in UTF-16", { "content-type": `application/json; x=1; Charset="utf-16"` }],
      ["of another type that only begins as JSON", { "content-type": "application/json-patch+json" }],
      ["of another type that only mentions JSON", { "content-type": "text/plain; application/json" }]
    ] as const) {
      it.effect(`a body that is ${what} is answered 415, with and without the token`, () =>
        Effect.gen(function* () {
          problem(yield* TestServer.send("POST", "/api/users", body, headers), 415)
          problem(yield* TestServer.send("POST", "/api/users", body, { ...headers, authorization: "" }), 415)
        })
      )
    }

    it.effect("a body may say that it is UTF-8, and that it is not encoded", () =>
      Effect.gen(function* () {
        for (const type of ["application/json;charset=utf-8", `Application/JSON; charset="UTF-8"`]) {
          const headers = { "content-type": type, "content-encoding": "identity" }
          expect((yield* TestServer.send("POST", "/api/users", body, headers)).status).toBe(201)
        }
      })
    )

    it.effect("the server does not wait for the half-sent body of a stranger, and closes its connection", () =>
      Effect.gen(function* () {
        for (const rest of ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]) {
          for (const authorization of ["", "Authorization: Bearer guess\r\n"]) {
            const answer = yield* TestServer.raw(
              `POST /api/users HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Type: application/json\r\n${rest}`
            )
            expect(answer).toMatch(/^HTTP\/1\.1 401 /)
            expect(answer).toMatch(/connection: close/i)
          }
        }
      })
    )

    it.effect("the body of a GET is never read", () =>
      Effect.map(
        TestServer.raw(
          `GET /api/users/ada/profile HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TestServer.token}\r\n` +
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        ),
        (answer) => expect(answer).toMatch(/^HTTP\/1\.1 200 .*connection: close/is)
      )
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

    for (const path of [
      "/api",
      "/api/",
      "/api/nothing",
      "/api/users/ada",
      "/nothing",
      "/api/users//",
      "/favicon.ico"
    ]) {
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

  for (const rest of ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]) {
    it.scoped(`the half-sent body of the holder of the token is waited for 8 seconds (${rest.split(":")[0]})`, () =>
      Effect.gen(function* () {
        const answer = yield* Effect.fork(
          TestServer.raw(
            `POST /api/users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TestServer.token}\r\n` +
              `Content-Type: application/json\r\n${rest}`
          )
        )
        // the server's clock advances alone: 408 comes whenever it began to wait
        const turn = Effect.zipRight(
          TestClock.adjust("1 second"),
          Effect.promise(() => new Promise(setImmediate))
        )
        yield* Effect.repeat(turn, { until: () => Effect.map(Fiber.poll(answer), Option.isSome) })
        expect(yield* Fiber.join(answer)).toMatch(/^HTTP\/1\.1 408 .*connection: close/is)
      }).pipe(Effect.provide(TestServer.layer(services())))
    )
  }

  it.scoped("a response that does not encode is answered 500, and the log says what does not fit", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const wrong = services({
        readUserBalance: () => Effect.succeed(served(0.5, "Lookup")),
        readLeaderboard: () => Effect.succeed(served([{ rank: -1, userId: "ada" as UserId, score: 1 }], "Lookup"))
      })
      yield* Effect.gen(function* () {
        for (const path of ["/api/users/ada/balance", "/api/leaderboards/global"]) {
          const answer = yield* TestServer.get(path)
          problem(answer, 500)
          expect(answer.text).not.toMatch(/0\.5|Balance|rank/)
        }
        problem(yield* TestServer.get("/api/leaderboards/global?limit=x"), 400)
      }).pipe(Effect.provide(TestServer.layer(wrong)), Effect.provide(log.layer))
      expect(log.lines.filter(({ level }) => level === "ERROR")).toHaveLength(2)
      const said = log.causes
      expect(said[0]).toMatch(/does not fit the contract.*balance.*0\.5/s)
      expect(said[1]).toMatch(/does not fit the contract.*rank.*-1/s)
    })
  )

  it.scoped("totals that would leave the safe integers are answered 422 and change nothing", () =>
    Effect.gen(function* () {
      const created = yield* TestServer.send("POST", "/api/users", body)
      const path = `/api/users/${(created.json as { readonly id: string }).id}`
      const most = Number.MAX_SAFE_INTEGER
      expect((yield* TestServer.send("PUT", `${path}/balance`, { balance: most })).status).toBe(200)
      problem(yield* TestServer.act("POST", `${path}/daily-bonus`), 422)
      expect((yield* TestServer.get(`${path}/balance`)).json).toMatchObject({ balance: most })
      expect((yield* TestServer.send("POST", `${path}/games`, { won: true, score: most })).status).toBe(200)
      problem(yield* TestServer.send("POST", `${path}/games`, { won: true, score: 1 }), 422)
      expect((yield* TestServer.get(`${path}/stats`)).json).toMatchObject({ gamesPlayed: 1, totalScore: most })
    }).pipe(
      Effect.provide(
        TestServer.layer(
          PlayerService.layer.pipe(
            Layer.provideMerge(CacheService.layer),
            Layer.provideMerge(Layer.merge(MemoryRedis.layer(), SqlDatabase.layer({ url: "sqlite::memory:" })))
          )
        )
      )
    )
  )

  it.scoped("a counter in Redis beyond the safe integers breaks no route", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      for (const count of ["9007199254740992", "99999999999999999999", "1e400", String(Number.MAX_SAFE_INTEGER)]) {
        yield* redis.set("counters:players_online", count)
        yield* redis.set("counters:active_games", count)
        yield* TestServer.act("POST", "/api/players/ada/online")
        for (const path of ["/api/counters", "/api/cache/stats", "/api/health/detailed"]) {
          expect([count, path, (yield* TestServer.get(path, TestServer.asHolder)).status]).toEqual([count, path, 200])
        }
      }
    }).pipe(
      Effect.provide(
        TestServer.layer(
          PlayerService.layer.pipe(
            Layer.provideMerge(CacheService.layer),
            Layer.provideMerge(Layer.merge(MemoryRedis.layer(), MemoryDatabase.layer))
          )
        ).pipe(Layer.provideMerge(MemoryRedis.layer()))
      )
    )
  )
})
