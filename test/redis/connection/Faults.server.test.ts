import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { answeredAgain, start } from "../../support/cache/Callers.js"
import {
  available,
  connect,
  eventually,
  expectNoUnhandledRejections,
  failsWith,
  inTime,
  noLeak,
  test,
  testWith,
  title
} from "../../support/faults/FaultSuite.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import * as Certificates from "../../support/server/Certificates.js"
import * as RedisServer from "../../support/server/RedisServer.js"

expectNoUnhandledRejections()

const next = RedisScript.make({
  name: "next",
  idempotent: false,
  keys: ({ key }: { readonly key: string }) => [key],
  args: () => [],
  lua: `return redis.call("INCR", KEYS[1])`,
  reply: Schema.Int,
  model: ({ call, keys: [key = ""] }) => call("INCR", key)
})

/** A connection of the administrator's own that outlives changes of passwords. */
const administrator = (port: number) =>
  Effect.gen(function* () {
    const send = yield* AdminConnection.open(`redis://127.0.0.1:${port}`)
    yield* Effect.promise(() => send("PING"))
    return (command: string, ...args: ReadonlyArray<string>) => Effect.promise(() => send(command, ...args))
  })

describe("a login", () => {
  testWith("a password that is replaced")(
    "that stops working while the client runs is told apart, probed for and got over",
    () =>
      Effect.gen(function* () {
        const log = yield* CapturedLog.make
        const server = yield* RedisServer.make()
        const admin = yield* administrator(server.port)
        yield* admin("CONFIG", "SET", "requirepass", "first")
        yield* Effect.gen(function* () {
          const redis = yield* connect({ port: server.port, password: Redacted.make("first") })
          const callers = yield* start(redis, 8)
          yield* answeredAgain(callers)
          yield* admin("CONFIG", "SET", "requirepass", "second")
          yield* answeredAgain(callers)
          yield* admin("CLIENT", "KILL", "TYPE", "normal")
          yield* failsWith(redis, "WrongPassword")
          expect((yield* redis.getStatus).state._tag).toBe("Unavailable")
          expect(yield* Effect.flip(redis.get("key"))).toMatchObject({
            _tag: "RedisUnavailable",
            reason: "Disconnected"
          })
          yield* admin("CONFIG", "SET", "requirepass", "first")
          yield* available(redis)
          yield* answeredAgain(callers)
          yield* callers.stop
          expect(callers.mistakes).toEqual([])
        }).pipe(Effect.provide(log.layer))
        expect(log.lines.filter(({ text }) => text.includes("rejected the user name or password")).length).toBe(1)
        expect(log.lines.filter(({ text }) => text.includes("first") || text.includes("second"))).toEqual([])
      })
  )

  testWith("a password that is replaced")("without a password where one is needed says so", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const admin = yield* administrator(server.port)
      yield* admin("CONFIG", "SET", "requirepass", "secret")
      const redis = yield* connect({ port: server.port })
      yield* failsWith(redis, "PasswordRequired")
      yield* admin("CONFIG", "SET", "requirepass", "")
      yield* available(redis)
    })
  )

  test(title("works with passwords of any characters, given as they are or in a URL"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const passwords = [
        ..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ".split("").map((character) => `a${character}b`),
        "100%41%zz",
        "redis://user:pass@host:1/2?x=y#z",
        "päßwörd 密码 🔑",
        "+ +%20",
        "x".repeat(500)
      ]
      for (const [i, password] of passwords.entries()) {
        const username = `user.${i}:@/%#`
        yield* server.send("ACL", "SETUSER", username, "on", `>${password}`, "~*", "&*", "+@all")
        const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
        const url = RedisConfig.fromUrl(Redacted.make(`redis://${login}@127.0.0.1:${server.port}/3`))
        const address = { port: server.port, username, password: Redacted.make(password), database: 3 }
        for (const way of [address, Either.getOrThrow(url)]) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const redis = yield* connect(way)
              expect(String(yield* redis.send("ACL", "WHOAMI")).endsWith(username), password).toBe(true)
            })
          )
        }
      }
      yield* noLeak(server, 0)
    })
  )

  test(title("that is wrong is not tried quickly, and no status or log holds the password"), () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* RedisServer.make()
      yield* server.send("ACL", "SETUSER", "app", "on", ">right", "~*", "+@all")
      yield* Effect.gen(function* () {
        const redis = yield* connect({ port: server.port, username: "app", password: Redacted.make("wr0ng-p4ss") })
        yield* failsWith(redis, "WrongPassword")
        const status = yield* redis.getStatus
        expect(status.state._tag).toBe("Unavailable")
        expect(JSON.stringify([status, String(yield* Effect.flip(redis.get("k")))])).not.toContain("wr0ng-p4ss")
      }).pipe(Effect.provide(log.layer))
      expect(JSON.stringify(log.lines)).not.toContain("wr0ng-p4ss")
      yield* noLeak(server, 0)
    })
  )

  test(title("selects its database on every connection, and an index that does not exist says so"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const third = yield* connect({ port: server.port, database: 3 })
      const first = yield* connect({ port: server.port })
      yield* third.set("key", "in the third")
      yield* server.dropClients
      const isSecond = Effect.map(third.getStatus, ({ connected, generation }) => connected && generation === 2)
      yield* eventually("it is connected again", isSecond)
      yield* available(first)
      expect(yield* third.get("key")).toEqual(Option.some("in the third"))
      expect(yield* first.get("key")).toEqual(Option.none())
      const none = yield* connect({ port: server.port, database: 999 })
      yield* failsWith(none, "Database")
      expect((yield* none.getStatus).state._tag).toBe("Unavailable")
    })
  )
})

describe("a user", () => {
  const as = (server: RedisServer.RedisServer, ...rights: ReadonlyArray<string>) =>
    Effect.zipRight(
      server.send("ACL", "SETUSER", "app", "on", ">pw", ...rights),
      connect({ port: server.port, username: "app", password: Redacted.make("pw") })
    )
  const noPermission = { _tag: "RedisAuthError", reason: "NoPermission" }

  test(title("without the right to scripts has everything else, on the same connection"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* as(server, "~*", "&*", "+@all", "-eval", "-evalsha")
      expect(yield* Effect.flip(redis.run(next)({ key: "count" }))).toMatchObject(noPermission)
      expect(yield* redis.incr("count")).toBe(1)
      expect(yield* redis.getStatus).toMatchObject({ generation: 1, circuit: "Closed", connected: true })
      yield* server.send("ACL", "SETUSER", "app", "+eval", "+evalsha")
      expect(yield* redis.run(next)({ key: "count" })).toBe(2)
    })
  )

  test(title("that may do nothing but GET and SET is served, and connected again after a cut"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* as(server, "~*", "+get", "+set")
      expect(yield* redis.set("key", "value")).toBe(true)
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
      yield* server.dropClients
      yield* eventually(
        "the connection ends",
        Effect.map(redis.getStatus, ({ generation }) => generation === 2)
      )
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
    })
  )

  test(title("that may read some keys only gets an error for the others, each reader of one MGET its own"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* as(server, "~mine:*", "+@all")
      yield* redis.set("mine:a", "a")
      const [mine, theirs] = yield* Effect.all([redis.get("mine:a"), Effect.flip(redis.get("theirs:b"))], {
        concurrency: "unbounded"
      })
      expect(mine).toEqual(Option.some("a"))
      expect(theirs).toMatchObject(noPermission)
    })
  )

  testWith("rights by channel")(
    "that may read some channels only gets an error for the others and keeps reading those",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* as(server, "~*", "resetchannels", "&news", "+@all")
        const heard: Array<string> = []
        yield* Effect.forkScoped(
          Stream.runForEach(redis.subscribe("news"), (event) =>
            Effect.sync(() => event._tag === "Message" && heard.push(event.message))
          )
        )
        const secret = yield* Effect.fork(Effect.flip(Stream.runDrain(redis.subscribe("secret"))))
        expect(yield* inTime(Fiber.join(secret))).toMatchObject(noPermission)
        yield* eventually(
          "news arrive",
          Effect.map(server.send("PUBLISH", "news", "hello"), () => heard.includes("hello"))
        )
        yield* noLeak(server, 2)
      })
  )
})

describe("a server", () => {
  testWith("maxclients")("that has reached its maxclients is dialled until there is room", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ args: ["--maxclients", "2"] })
      const others = yield* Scope.make()
      yield* Effect.replicateEffect(Scope.extend(administrator(server.port), others), 2)
      const redis = yield* connect({ port: server.port })
      yield* failsWith(redis, "TooManyClients")
      yield* Scope.close(others, Exit.void)
      yield* available(redis)
      yield* noLeak(server, 1)
    })
  )

  testWith("a few megabytes of memory")(
    "whose memory is full rejects writes, serves reads and keeps its connection",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* connect({ port: server.port })
        yield* redis.set("key", "value")
        yield* server.send("CONFIG", "SET", "maxmemory", "1")
        const failures = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.flip(redis.set("key", "other")))
        expect(failures.filter((failure) => !("code" in failure) || failure.code !== "OOM")).toEqual([])
        expect(yield* redis.get("key")).toEqual(Option.some("value"))
        expect(yield* redis.getStatus).toMatchObject({ generation: 1, circuit: "Closed" })
        yield* server.send("CONFIG", "SET", "maxmemory", "0")
        expect(yield* redis.set("key", "other")).toBe(true)
      })
  )

  testWith("slow loading")("that is still loading its data is waited for, and then has all of it", () =>
    Effect.gen(function* () {
      const slowly = ["--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024"]
      const server = yield* RedisServer.make({ args: ["--enable-debug-command", "yes"] })
      yield* server.send("DEBUG", "POPULATE", "5000", "key", "100")
      yield* server.send("SAVE")
      yield* server.kill
      yield* server.start({ args: slowly })
      const redis = yield* connect({ port: server.port })
      yield* failsWith(redis, "Loading")
      expect(yield* Effect.flip(redis.get("key:4999"))).toMatchObject({ _tag: "RedisUnavailable" })
      yield* available(redis)
      expect(Option.isSome(yield* redis.get("key:4999"))).toBe(true)
      yield* noLeak(server, 1)
    })
  )

  testWith("replicas")(
    "that is a read-only replica is not used until it is promoted, and then has all that was replicated",
    () =>
      Effect.gen(function* () {
        const primary = yield* RedisServer.make({ args: ["--repl-diskless-sync-delay", "0"] })
        yield* primary.send("SET", "key", "value")
        const replica = yield* RedisServer.make({ args: ["--replicaof", "127.0.0.1", `${primary.port}`] })
        const redis = yield* connect({ port: replica.port })
        yield* failsWith(redis, "Replica")
        expect(yield* Effect.flip(redis.get("key"))).toMatchObject({ _tag: "RedisUnavailable" })
        yield* eventually(
          "it is replicated",
          Effect.map(replica.send("GET", "key"), (value) => value === "value")
        )
        yield* replica.send("REPLICAOF", "NO", "ONE")
        yield* available(redis)
        expect(yield* redis.get("key")).toEqual(Option.some("value"))
        expect(yield* redis.set("key", "other")).toBe(true)
        expect(yield* redis.run(next)({ key: "count" })).toBe(1)
      })
  )

  test(title("that forgets its scripts between two calls runs each of them once"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port })
      for (let i = 1; i <= 20; i++) {
        expect(yield* redis.run(next)({ key: "count" })).toBe(i)
        if (i % 2 === 0) yield* server.send("SCRIPT", "FLUSH")
      }
      const counts = yield* Effect.all(
        [
          ...Array.from({ length: 50 }, () => redis.run(next)({ key: "count" })),
          Effect.as(server.send("SCRIPT", "FLUSH"), 0),
          ...Array.from({ length: 50 }, () => redis.run(next)({ key: "count" }))
        ],
        { concurrency: "unbounded" }
      )
      expect(counts.filter((count) => count > 0).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, i) => 21 + i)
      )
    })
  )

  testWith("BUSY replies")("that is busy with a script of somebody else is waited for", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ args: ["--busy-reply-threshold", "50"] })
      const redis = yield* connect({ port: server.port })
      yield* redis.set("key", "value")
      const admin = yield* administrator(server.port)
      const endless = yield* Effect.fork(Effect.exit(admin("EVAL", "while true do end", "0")))
      yield* eventually("calls are refused or time out", Effect.map(Effect.either(redis.get("key")), Either.isLeft))
      yield* server.send("SCRIPT", "KILL")
      yield* Fiber.join(endless)
      yield* available(redis)
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
    })
  )
})

describe("TLS", () => {
  const withCertificates = Effect.gen(function* () {
    const files = yield* Certificates.make
    const port = yield* RedisServer.freePort
    const tls = ["--tls-port", `${port}`, "--tls-auth-clients", "no", "--tls-ca-cert-file", files.ca]
    const server = yield* RedisServer.make({
      args: [...tls, "--tls-cert-file", files.certificate, "--tls-key-file", files.key]
    })
    return { files, port, server }
  })

  const tlsTest = testWith("TLS beside a plain port")

  tlsTest("with the right authority connects, and again after a cut", () =>
    Effect.gen(function* () {
      const { files, port, server } = yield* withCertificates
      const redis = yield* connect({ host: "localhost", port, tls: { caFile: files.ca } })
      yield* redis.set("key", "value")
      yield* server.dropClients
      yield* eventually(
        "the connection ends",
        Effect.map(redis.getStatus, ({ generation }) => generation === 2)
      )
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
      yield* noLeak(server, 1)
    })
  )

  tlsTest("with a wrong authority says so and is not tried quickly", () =>
    Effect.gen(function* () {
      const { files, port, server } = yield* withCertificates
      for (const tls of [{ caFile: files.otherCa }, {}]) {
        const redis = yield* connect({ host: "localhost", port, tls })
        yield* failsWith(redis, "Tls")
        expect((yield* redis.getStatus).state._tag).toBe("Unavailable")
      }
      yield* noLeak(server, 0)
    })
  )

  tlsTest("with a file of authorities that is not there says so", () =>
    Effect.gen(function* () {
      const { port } = yield* withCertificates
      const redis = yield* connect({ host: "localhost", port, tls: { caFile: "/no/such/file.pem" } })
      yield* failsWith(redis, "Tls")
    })
  )

  tlsTest("spoken to a server that does not, and the other way round, names TLS as the cause", () =>
    Effect.gen(function* () {
      const { files, port, server } = yield* withCertificates
      const tlsToPlain = yield* inTime(connect({ host: "localhost", port: server.port, tls: { caFile: files.ca } }))
      expect(yield* tlsToPlain.isAvailable).toBe(false)
      yield* failsWith(tlsToPlain, "Tls")
      const plainToTls = yield* inTime(connect({ host: "localhost", port }))
      yield* failsWith(plainToTls, "Tls")
    })
  )
})
