import { createServer } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { connect, failsWith, test, testWith, title } from "../../support/faults/FaultSuite.js"
import * as Certificates from "../../support/server/Certificates.js"
import { driverName, driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"

/** Something that accepts connections and answers the first bytes with a text, or ends the connection where there is none. */
const listener = (answer: string | undefined) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly end: () => void }>((resume) => {
      const server = createServer((socket) => {
        socket.on("error", () => {})
        if (answer === undefined) socket.destroy()
        else socket.on("data", () => socket.write(answer))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, end: () => server.close() }))
      })
    }),
    ({ end }) => Effect.sync(end)
  )

/** How a dial fails. */
const failure = (address: RedisAddress, timeout = "2 seconds" as const) =>
  Effect.flip(Effect.scoped(driverUnderTest.driver(address, timeout).connect))

const secret = "hunter2"
const password = Redacted.make(secret)

/** What the first reply of a server, or of what stands between, means. */
const answers: ReadonlyArray<readonly [what: string, answer: string, kind: string, words: RegExp]> = [
  [
    "Redis 5",
    "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `u`, `hunter2`, ",
    "Unsupported",
    /RESP3/
  ],
  [
    "Redis 6",
    "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 'hunter2' ",
    "Unsupported",
    /twemproxy/
  ],
  ["a proxy without RESP3", "-NOPROTO unsupported protocol version", "Unsupported", /Redis 6/],
  ["Envoy", "-ERR unsupported command 'hello'", "Unsupported", /Envoy/],
  ["Dragonfly's TLS port", "-ERR Bad TLS header, double check if you enabled TLS for your client.", "Tls", /rediss:/],
  [
    "a wrong password",
    "-WRONGPASS invalid username-password pair or user is disabled.",
    "WrongPassword",
    /REDIS_PASSWORD/
  ],
  [
    "a missing password",
    "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used",
    "PasswordRequired",
    /REDIS_PASSWORD/
  ],
  ["a server that loads", "-LOADING Redis is loading the dataset in memory", "Loading", /loading/],
  ["a server that hangs in a script", "-BUSY Redis is busy running a script.", "Loading", /BUSY/],
  ["a server with too many clients", "-ERR max number of clients reached", "TooManyClients", /maxclients/],
  [
    "a server in protected mode",
    "-DENIED Redis is running in protected mode because no password is set",
    "Rejected",
    /protected mode/
  ],
  ["a server that says what nobody expects", "-ERR the moon is full", "Rejected", /the moon is full/]
]

const kindOf = (error: { readonly reason: string }): string => error.reason

describe("a dial", () => {
  for (const [what, answer, kind, words] of answers) {
    it.scopedLive(`answered by ${what} says so, where, and what to do, and never the password`, () =>
      Effect.gen(function* () {
        const { port } = yield* listener(`${answer}\r\n`)
        const error = yield* failure({ port, username: "u", password })
        expect(kindOf(error)).toBe(kind)
        expect(error.message).toMatch(words)
        expect(error.message.split(`redis://127.0.0.1:${port}/0`).length, "the address once").toBe(2)
        expect(error.message + JSON.stringify(error)).not.toContain(secret)
      })
    )
  }

  it.scopedLive("names a host that does not resolve", () =>
    Effect.gen(function* () {
      const error = yield* failure({ host: "no-such-host.invalid", password })
      expect(kindOf(error)).toBe("HostNotFound")
      expect(error.message).toContain("redis://no-such-host.invalid:6379/0")
      expect(error.message).toContain("REDIS_HOST")
    })
  )

  it.scopedLive("of a port where nothing listens is refused", () =>
    Effect.gen(function* () {
      const port = yield* RedisServer.freePort
      const error = yield* failure({ port })
      expect(kindOf(error)).toBe("Refused")
      expect(error.message).toContain(`redis://127.0.0.1:${port}/0`)
    })
  )

  it.scopedLive("that is accepted and ended at once does not say that nothing accepts connections", () =>
    Effect.gen(function* () {
      const { port } = yield* listener(undefined)
      const error = yield* failure({ port })
      expect(kindOf(error)).toBe("Closed")
      expect(error.message).toContain("accepted and ended at once")
    })
  )

  it.scopedLive("of a server that is not Redis says so", () =>
    Effect.gen(function* () {
      const { port } = yield* listener("HTTP/1.1 400 Bad Request\r\n\r\n")
      const error = yield* failure({ port })
      expect(kindOf(error)).toBe("Protocol")
      expect(error.message).toContain("protocol")
    })
  )

  for (const [what, host, words] of [
    ["a unix path", "/var/run/redis.sock", /REDIS_URL=unix:/],
    ["a URL", `redis://user:${secret}@cache`, /REDIS_URL/],
    ["a login before the host", `user:${secret}@cache`, /REDIS_PASSWORD/],
    ["a port behind the host", "cache:6379", /REDIS_PORT/]
  ] as const) {
    it.scopedLive(`to ${what} in the place of the host is never tried, and says the cause without repeating it`, () =>
      Effect.gen(function* () {
        const error = yield* failure({ host })
        expect(kindOf(error)).toBe("Address")
        expect(error.message).toMatch(words)
        expect(error.message).not.toMatch(/TLS|hunter2/)
        const log = yield* CapturedLog.make
        const redis = yield* connect({ host }).pipe(Effect.provide(log.layer))
        const { state } = yield* redis.getStatus
        expect(state._tag, "it is probed slowly").toBe("Unavailable")
        expect(JSON.stringify([state, log.lines])).not.toContain(secret)
      })
    )
  }

  test(title("takes any timeout, however long or short it is"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      for (const timeout of ["60 days", "Infinity"] as const) {
        const { address, connect } = driverUnderTest.driver(
          { port: server.port },
          timeout === "Infinity" ? Number.POSITIVE_INFINITY : timeout
        )
        expect(address).toBe(`redis://127.0.0.1:${server.port}/0`)
        yield* Effect.scoped(connect)
      }
      const redis = yield* connect({ port: server.port }, { connectTimeout: Number.POSITIVE_INFINITY })
      expect(yield* redis.isAvailable).toBe(true)
      const { port } = yield* listener("")
      expect(kindOf(yield* Effect.flip(Effect.scoped(driverUnderTest.driver({ port }, 0.5).connect)))).toBe("Timeout")
    })
  )

  testWith("renamed commands")("of a server without HELLO is no wrong password, or logs in by AUTH", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ args: ["--rename-command", "HELLO", ""] })
      if (driverName !== "BunRedis") {
        yield* Effect.scoped(driverUnderTest.driver({ port: server.port, database: 3 }).connect)
        yield* server.send("CONFIG", "SET", "requirepass", secret)
        const right = { port: server.port, password }
        yield* Effect.scoped(driverUnderTest.driver(right).connect)
        yield* Effect.scoped(driverUnderTest.driver({ ...right, username: "default" }).connect)
        expect(yield* failure({ ...right, username: "u" })).toMatchObject({ reason: "WrongPassword" })
        expect(yield* failure({ port: server.port })).toMatchObject({ reason: "PasswordRequired" })
        return
      }
      const error = yield* failure({ port: server.port, username: "u", password })
      expect(error).toMatchObject({ _tag: "RedisConnectError", reason: "Unsupported" })
      expect(error.message + JSON.stringify(error)).not.toMatch(/user name or password|hunter2/)
    })
  )

  testWith("TLS beside a plain port")("without TLS of a TLS port names rediss://", () =>
    Effect.gen(function* () {
      const files = yield* Certificates.make
      const port = yield* RedisServer.freePort
      const tls = ["--tls-port", `${port}`, "--tls-auth-clients", "no", "--tls-ca-cert-file", files.ca]
      yield* RedisServer.make({ args: [...tls, "--tls-cert-file", files.certificate, "--tls-key-file", files.key] })
      const redis = yield* connect({ port })
      yield* failsWith(redis, "Tls")
      expect((yield* failure({ port })).message).toContain("rediss://")
    })
  )
})
