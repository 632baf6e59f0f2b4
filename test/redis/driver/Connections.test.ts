/** What production asks of a connection, by each driver: sockets, client certificates, logins that change. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as Certificates from "../../support/server/Certificates.js"
import { driverNames, load } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as ServerProcess from "../../support/server/ServerProcess.js"
import { until } from "../../support/until.js"

class VaultClosed extends Data.TaggedError("VaultClosed")<{ readonly message: string }> {}

const soon = { reconnect: Schedule.spaced("20 millis"), probe: Schedule.spaced("20 millis") }

for (const name of driverNames) {
  const driverOf = Effect.promise(() => load(name))
  const clientOf = (address: RedisAddress) =>
    Effect.flatMap(driverOf, ({ layer }) =>
      Effect.map(Layer.build(layer(address, soon)), (context) => Context.get(context, RedisClient))
    )
  const failure = (address: RedisAddress) =>
    Effect.flatMap(driverOf, ({ driver }) => Effect.flip(Effect.scoped(driver(address, "5 seconds").connect)))

  const reason = RedisServer.skipReasonFor("TLS beside a plain port", "a password that is replaced")
  const title = reason === undefined ? name : `${name} (skipped: ${reason})`
  describe.skipIf(reason !== undefined)(`a connection of ${title}`, () => {
    it.scopedLive("goes over a unix socket, logs in there and selects the database", () =>
      Effect.gen(function* () {
        const directory = yield* ServerProcess.temporaryDirectory("unix-socket-")
        const path = join(directory, "redis.sock")
        const server = yield* RedisServer.make({ password: "p@ss/:", args: ["--unixsocket", path] })
        const address = { path, password: Redacted.make("p@ss/:"), database: 3 }
        const redis = yield* clientOf(address)
        yield* redis.set("key", "by the socket")
        expect(String(yield* redis.send("CLIENT", "INFO"))).toMatch(/ db=3 /)
        expect(yield* server.send("DBSIZE")).toBe(0)
        expect(yield* failure({ ...address, database: 99 })).toMatchObject({ reason: "Database" })
        expect(yield* failure({ ...address, password: Redacted.make("no") })).toMatchObject({ reason: "WrongPassword" })
        const nowhere = yield* failure({ ...address, path: join(directory, "nowhere.sock") })
        expect(nowhere).toMatchObject({ reason: "Refused", address: `unix://${directory}/nowhere.sock?db=3` })
      })
    )

    it.scopedLive("shows its certificate to a server that asks for one, and says what is missing otherwise", () =>
      Effect.gen(function* () {
        const { ca, certificate, key, otherCa } = yield* Certificates.make
        const port = yield* RedisServer.freePort
        const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", certificate, "--tls-key-file", key]
        yield* RedisServer.make({ args: ["--tls-port", `${port}`, "--tls-auth-clients", "yes", ...files] })
        const at = { host: "localhost", port }
        const redis = yield* clientOf({ ...at, tls: { caFile: ca, certFile: certificate, keyFile: key } })
        expect(yield* redis.send("PING")).toBe("PONG")
        for (const [tls, words] of [
          [{ caFile: ca }, /certificate/i],
          [{ caFile: ca, certFile: `${certificate}.gone`, keyFile: key }, /REDIS_TLS_CERT_FILE cannot be read/],
          [{ caFile: ca, certFile: certificate, keyFile: `${key}.gone` }, /REDIS_TLS_KEY_FILE cannot be read/],
          [{ caFile: ca, certFile: otherCa, keyFile: key }, /do not fit together/]
        ] as const) {
          const error = yield* failure({ ...at, tls })
          expect(error, String(words)).toMatchObject({ reason: "Tls" })
          expect(error.message).toMatch(words)
        }
      })
    )

    it.scopedLive("takes any certificate only with rejectUnauthorized false, and warns of it once", () =>
      Effect.gen(function* () {
        const { ca, certificate, key } = yield* Certificates.make
        const port = yield* RedisServer.freePort
        const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", certificate, "--tls-key-file", key]
        const server = yield* RedisServer.make({
          args: ["--tls-port", `${port}`, "--tls-auth-clients", "no", ...files]
        })
        expect(yield* failure({ host: "localhost", port, tls: {} })).toMatchObject({ reason: "Tls" })
        const log = yield* CapturedLog.make
        const tls = { rejectUnauthorized: false }
        const redis = yield* Effect.provide(clientOf({ host: "localhost", port, tls }), log.layer)
        expect(yield* redis.send("PING")).toBe("PONG")
        yield* server.dropClients
        yield* until("it has dialled again", () =>
          Effect.map(redis.getStatus, ({ connected, generation }) => connected && generation > 1)
        )
        expect(log.lines.filter(({ text }) => /rejectUnauthorized/.test(text)).map(({ level }) => level)).toEqual([
          "WARN"
        ])
      })
    )

    it.scopedLive("asks for the login at each dial, and says so while there is none", () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make({ password: "first" })
        let password: string | undefined = "first"
        const credentials = Effect.suspend(() =>
          password === undefined
            ? Effect.fail(new VaultClosed({ message: "the vault is closed" }))
            : password === ""
              ? Effect.die(new Error("the vault is broken"))
              : Effect.succeed({ password: Redacted.make(password) })
        )
        const redis = yield* clientOf({ port: server.port, credentials })
        expect(yield* redis.set("key", "1")).toBe(true)
        const admin = (...command: readonly [string, ...ReadonlyArray<string>]) => redis.send(...command)
        yield* admin("CONFIG", "SET", "requirepass", "second")
        for (const [now, words] of [
          [undefined, /the vault is closed/],
          ["", /the vault is broken/]
        ] as const) {
          password = now
          yield* Effect.ignore(redis.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
          yield* until("the status says it", () =>
            Effect.map(redis.getStatus, ({ lastFailure, state }) =>
              Option.exists(lastFailure, (failure) => words.test(failure.message) && state._tag !== "Connected")
            )
          )
          expect(Option.getOrThrow((yield* redis.getStatus).lastFailure)).toMatchObject({ reason: "Credentials" })
        }
        password = "second"
        yield* until("it is connected again", () => redis.isAvailable)
        expect(yield* redis.get("key")).toEqual(Option.some("1"))
      })
    )

    it.scopedLive("reads REDIS_PASSWORD_FILE again at each dial", () =>
      Effect.gen(function* () {
        const { layerConfig } = yield* driverOf
        const file = join(yield* ServerProcess.temporaryDirectory("password-file-"), "password")
        const server = yield* RedisServer.make({ password: "first" })
        writeFileSync(file, "first\n")
        const variables = { REDIS_HOST: "127.0.0.1", REDIS_PORT: `${server.port}`, REDIS_PASSWORD_FILE: file }
        const redis = Context.get(
          yield* Layer.build(layerConfig(soon)).pipe(
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
          ),
          RedisClient
        )
        yield* redis.send("CONFIG", "SET", "requirepass", "second")
        writeFileSync(file, "second\n")
        yield* Effect.ignore(redis.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
        yield* until("it has logged in with the second password", () =>
          Effect.map(redis.getStatus, ({ connected, generation }) => connected && generation > 1)
        )
        expect(yield* redis.send("PING")).toBe("PONG")
      })
    )
  })
}
