import { readFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ServerProgram from "./support/ServerProgram.js"

const connect = (port: number) =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    const socket = yield* Effect.acquireRelease(
      Effect.async<net.Socket>((resume) => {
        const socket = net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
        socket.on("error", () => {})
        socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
    let received = ""
    socket.on("data", (chunk) => {
      received += chunk.toString()
    })
    return { socket, received: () => received, closed: Deferred.await(closed) }
  })

describe("the program", () => {
  it.scopedLive(
    "serves with no variable set, and its first lines say with which Redis, which database, and where",
    () =>
      Effect.gen(function* () {
        const program = yield* ServerProgram.start()
        const port = yield* program.listening
        const lines = program.output().split("\n").slice(0, 5).join("\n")
        expect(lines).toMatch(
          /WARN.*embedded memory client.*locks, limits and invalidations hold in this process alone/
        )
        expect(lines).toMatch(/SQLite .*toolkit\.db/)
        expect(lines).toMatch(/http:\/\/127\.0\.0\.1:\d+/)
        const token = readFileSync(join(program.directory, "data/api-token"), "utf8").trim()
        expect(program.output()).toContain("curl --oauth2-bearer $(cat data/api-token)")
        expect(program.output()).not.toContain(token)
        const create = (headers: Record<string, string>) =>
          Effect.promise(() =>
            fetch(`http://127.0.0.1:${port}/api/users`, {
              method: "POST",
              headers: { "content-type": "application/json", ...headers },
              body: JSON.stringify({ username: "ada", displayName: "Ada", email: "ada@example.com" })
            })
          )
        expect((yield* create({})).status).toBe(401)
        expect((yield* create({ authorization: `Bearer ${token}` })).status).toBe(201)
      })
  )

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.scopedLive(`ends with 0 on ${signal}, idle connections or not`, () =>
      Effect.gen(function* () {
        const program = yield* ServerProgram.start()
        const port = yield* program.listening
        const idle = yield* connect(port)
        idle.socket.write("GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/api/health`))
        program.process.kill(signal)
        expect(yield* program.exitCode).toBe(0)
      })
    )
  }

  it.scopedLive("writes its log as JSON where LOG_FORMAT asks for it, and rejects another form", () =>
    Effect.gen(function* () {
      const program = yield* ServerProgram.start({ LOG_FORMAT: "json" })
      yield* program.listening
      const lines = program.output().trim().split("\n")
      const parsed = lines.map((line) => JSON.parse(line) as { readonly message: string; readonly logLevel: string })
      expect(parsed.map(({ message }) => message).join("\n")).toContain("listening on")
      const wrong = yield* ServerProgram.start({ LOG_FORMAT: "xml" })
      expect(yield* wrong.exitCode).toBe(1)
      expect(wrong.output()).toContain("LOG_FORMAT: expected json, logfmt or pretty")
    })
  )

  it.scopedLive("says once that Redis is switched off, and that reads go to the lookup", () =>
    Effect.gen(function* () {
      const program = yield* ServerProgram.start({ REDIS_ENABLED: "false" })
      const port = yield* program.listening
      for (let i = 0; i < 3; i++) {
        yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/api/users/nobody/profile`))
        yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/api/users/nobody/balance`))
      }
      program.process.kill("SIGTERM")
      expect(yield* program.exitCode).toBe(0)
      const lines = program.output().split("\n")
      const off = lines.filter((line) => /switched off/.test(line))
      expect(off.length).toBe(1)
      expect(off[0]).toMatch(/reads go to the lookup \(user:profile/)
      expect(lines.filter((line) => /is away/.test(line))).toEqual([])
    })
  )

  it.scopedLive("answers a request in flight before it ends, and logs at SIGTERM that there is one", () =>
    Effect.gen(function* () {
      const program = yield* ServerProgram.start({ API_TOKEN: "sesame" })
      const port = yield* program.listening
      const body = JSON.stringify({ username: "ada", displayName: "Ada", email: "ada@example.com" })
      const client = yield* connect(port)
      client.socket.write(
        `POST /api/users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n{`
      )
      // answered after the half request was read, so that the signal meets one in flight
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/api/health`))
      program.process.kill("SIGTERM")
      yield* Effect.retry(Effect.flip(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/api/health`))), {
        times: 1000
      })
      client.socket.write(body.slice(1))
      yield* client.closed
      expect(client.received()).toMatch(/^HTTP\/1\.1 201 .*"username":"ada"/s)
      expect(yield* program.exitCode).toBe(0)
      expect(program.output()).toContain(
        "SIGTERM ends the server: in flight are 1 request, 0 commands of Redis and 0 invalidations that Redis has not taken"
      )
    })
  )

  it.scopedLive(
    "loses no request that was sent before SIGTERM at 100 callers, and closes kept connections by its answers",
    () =>
      Effect.gen(function* () {
        const program = yield* ServerProgram.start()
        const port = yield* program.listening
        let ended = false
        const lost: Array<string> = []
        const counts = { before: 0, after: 0 }
        const request = "GET /api/leaderboards/global HTTP/1.1\r\nHost: localhost\r\n\r\n"

        /** Sends a request as soon as the last one is answered, after a pause of its own, until the server closes. */
        const caller = (index: number) =>
          Effect.async<void>((resume) => {
            let received = ""
            let sentBefore = false
            let sentAfterLog = false
            let isWaiting = false
            const socket = net.connect(port, "127.0.0.1")
            const send = () => {
              if (socket.destroyed || socket.readableEnded) return
              sentBefore = !ended
              // the signal takes a while to reach a busy process, which answers as before until then
              sentAfterLog = program.output().includes("SIGTERM ends the server")
              isWaiting = true
              socket.write(request)
            }
            socket.on("connect", send)
            socket.on("data", (chunk) => {
              received += chunk.toString()
              const length = /content-length: (\d+)/i.exec(received)?.[1]
              const [head = "", body = ""] = received.split(/\r\n\r\n(.*)/s)
              if (length === undefined || body.length < Number(length)) return
              received = ""
              isWaiting = false
              if (!head.startsWith("HTTP/1.1 200 ")) lost.push(head)
              if (sentAfterLog && !/connection: close/i.test(head)) lost.push(`kept open: ${head}`)
              counts[sentBefore ? "before" : "after"] += 1
              // some callers are always idle when the signal comes, others always wait
              if (!/connection: close/i.test(head)) setTimeout(send, index % 2 === 0 ? 0 : index)
            })
            socket.on("error", () => {})
            socket.on("close", () => {
              if (isWaiting && sentBefore) lost.push(`no answer to caller ${index}`)
              resume(Effect.void)
            })
          })

        const callers = yield* Effect.fork(
          Effect.all(
            Array.from({ length: 100 }, (_, index) => caller(index)),
            { concurrency: "unbounded" }
          )
        )
        yield* Effect.repeat(Effect.sleep("2 millis"), { until: () => counts.before >= 2000 })
        program.process.kill("SIGTERM")
        ended = true
        yield* Fiber.join(callers)
        expect(lost).toEqual([])
        expect(counts.after).toBeGreaterThan(0)
        expect(yield* program.exitCode).toBe(0)
        yield* Effect.flip(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/api/health`)))
      })
  )

  const wrong: ReadonlyArray<readonly [name: string, value: string, says: RegExp]> = [
    ["PORT", "eighty", /PORT: expected a whole number from 0 to 65535/],
    ["HOST", "http://localhost", /HOST: expected a host name/],
    ["HOST", "192.0.2.1", /HOST: this machine has no address 192\.0\.2\.1/],
    ["HOST", "no-such-host.invalid", /HOST: the name no-such-host\.invalid does not resolve/],
    ["API_TOKEN", "open sesame", /API_TOKEN: expected visible ASCII/],
    ["HTTP_RATE_LIMIT", "600", /HTTP_RATE_LIMIT: expected so many requests .*600\/60/],
    ["LOG_LEVEL", "loud", /LOG_LEVEL: expected debug, info/],
    ["REDIS_URL", "http://localhost:6379", /REDIS_URL: .*redis:\/\//],
    ["REDIS_URL", "redis://:sesame@localhost:6379/nine", /REDIS_URL: .*database index/],
    ["REDIS_ENABLED", "perhaps", /REDIS_ENABLED: expected true or false/],
    ["CACHE_BALANCE_TTL", "1m", /CACHE_BALANCE_TTL: expected whole seconds/],
    ["DATABASE_URL", "mysql://localhost", /DATABASE_URL/],
    ["DATABASE_URL", "sqlite:/proc/nowhere/toolkit.db", /\/proc\/nowhere/]
  ]
  for (const [name, value, says] of wrong) {
    it.scopedLive(`ends with 1 before it listens when ${name} is ${value}, and says what to do`, () =>
      Effect.gen(function* () {
        const program = yield* ServerProgram.start({ [name]: value })
        expect(yield* program.exitCode).toBe(1)
        expect(program.output()).toMatch(says)
        expect(program.output()).not.toMatch(/listening|sesame|^\s+at /m)
      })
    )
  }

  it.scopedLive("names PORT when another program has it", () =>
    Effect.gen(function* () {
      const first = yield* ServerProgram.start()
      const port = yield* first.listening
      const second = yield* ServerProgram.start({ PORT: `${port}` })
      expect(yield* second.exitCode).toBe(1)
      expect(second.output()).toContain(`PORT: another program listens on ${port}`)
      const third = yield* ServerProgram.start({ PORT: `${port}`, HOST: "no-such-host.invalid" })
      expect(yield* third.exitCode).toBe(1)
      expect(third.output()).toContain("HOST: the name no-such-host.invalid does not resolve")
    })
  )
})
