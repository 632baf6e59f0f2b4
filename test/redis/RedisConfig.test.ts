import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import { explain } from "../../src/http/server/StartupError.js"
import * as RedisConfig from "../../src/redis/RedisConfig.js"
import { temporaryDirectory } from "../support/server/ServerProcess.js"

const read = (variables: Record<string, string>) =>
  Effect.withConfigProvider(RedisConfig.config, ConfigProvider.fromMap(new Map(Object.entries(variables))))

const addressOf = (variables: Record<string, string>) =>
  Effect.map(read(variables), (choice) => (choice._tag === "Server" ? choice.address : undefined))

describe("the environment", () => {
  it.effect("finds no address when neither REDIS_URL nor REDIS_HOST is set, or both are empty", () =>
    Effect.gen(function* () {
      expect((yield* read({}))._tag).toBe("Unset")
      expect((yield* read({ REDIS_URL: "", REDIS_HOST: " ", REDIS_PORT: "6380" }))._tag).toBe("Unset")
    })
  )

  it.effect("switches Redis off with REDIS_ENABLED=false, whatever else is set", () =>
    Effect.gen(function* () {
      expect((yield* read({ REDIS_ENABLED: "false", REDIS_URL: "redis://localhost" }))._tag).toBe("Disabled")
      expect((yield* read({ REDIS_ENABLED: "FALSE" }))._tag).toBe("Disabled")
    })
  )

  const sentinels = { REDIS_SENTINELS: "one:7000, two,[::1]:7001", REDIS_SENTINEL_MASTER: "mymaster" }

  it.effect("names sentinels and their primary, with a login for each kind of server", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("sentinel-secret-")
      writeFileSync(join(directory, "password"), "of the sentinels\n")
      const choice = yield* read({
        ...sentinels,
        REDIS_USERNAME: "app",
        REDIS_PASSWORD: "of the servers",
        REDIS_DB: "3",
        REDIS_TLS_CA_FILE: "/etc/ca.pem",
        REDIS_SENTINEL_USERNAME: "watcher",
        REDIS_SENTINEL_PASSWORD_FILE: join(directory, "password")
      })
      if (choice._tag !== "Sentinel") return yield* Effect.dieMessage(choice._tag)
      const { password, sentinelPassword, ...address } = choice.address
      expect(address).toEqual({
        sentinels: [
          { host: "one", port: 7000 },
          { host: "two", port: 26_379 },
          { host: "::1", port: 7001 }
        ],
        master: "mymaster",
        username: "app",
        database: 3,
        tls: { caFile: "/etc/ca.pem" },
        sentinelUsername: "watcher",
        sentinelTls: { caFile: "/etc/ca.pem" }
      })
      expect(password && Redacted.value(password)).toBe("of the servers")
      expect(sentinelPassword && Redacted.value(sentinelPassword)).toBe("of the sentinels")
      expect(RedisConfig.describeSentinels(choice.address)).toBe(
        "redis-sentinel://one:7000,two:26379,[::1]:7001/3#mymaster"
      )
    }).pipe(Effect.scoped)
  )

  it.effect("names both variables when sentinels are named beside another server, or by half", () =>
    Effect.gen(function* () {
      for (const [variables, ...named] of [
        [{ ...sentinels, REDIS_URL: "redis://one" }, "REDIS_SENTINELS", "REDIS_URL"],
        [{ ...sentinels, REDIS_HOST: "one" }, "REDIS_SENTINELS", "REDIS_HOST"],
        [{ ...sentinels, REDIS_PORT: "7000" }, "REDIS_SENTINELS", "REDIS_PORT"],
        [{ ...sentinels, REDIS_SENTINEL_MASTER: "" }, "REDIS_SENTINEL_MASTER", "REDIS_SENTINELS"],
        [{ REDIS_SENTINEL_MASTER: "mymaster" }, "REDIS_SENTINEL_MASTER", "REDIS_SENTINELS"],
        [{ REDIS_URL: "redis://one", REDIS_SENTINEL_USERNAME: "u" }, "REDIS_SENTINEL_USERNAME", "REDIS_SENTINELS"],
        [{ REDIS_HOST: "one", REDIS_SENTINEL_PASSWORD: "hidden" }, "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINELS"]
      ] as const) {
        const message = explain(yield* Effect.flip(read(variables)))
        for (const name of named) expect(message).toContain(name)
        expect(message).not.toContain("hidden")
      }
    })
  )

  it.effect("names REDIS_SENTINELS and its form when an address in it is wrong, and never repeats the text", () =>
    Effect.gen(function* () {
      for (const list of ["one,,two", "one:0", "one:70000", "redis://:hidden@one", "u:hidden@one", "::1", "one:x"]) {
        const message = explain(yield* Effect.flip(read({ ...sentinels, REDIS_SENTINELS: list })))
        expect(message).toContain("REDIS_SENTINELS")
        expect(message).toMatch(/host:port|between 1 and 65535/)
        expect(message).not.toContain("hidden")
      }
    })
  )

  const cluster = { REDIS_CLUSTER_NODES: "one:7000, two,[::1]:7001" }

  it.effect("names servers of a cluster, and the login that all of them take", () =>
    Effect.gen(function* () {
      const choice = yield* read({
        ...cluster,
        REDIS_USERNAME: "app",
        REDIS_PASSWORD: "of the servers",
        REDIS_DB: "0",
        REDIS_TLS_CA_FILE: "/etc/ca.pem"
      })
      if (choice._tag !== "Cluster") return yield* Effect.dieMessage(choice._tag)
      const { password, ...address } = choice.address
      expect(address).toEqual({
        nodes: [
          { host: "one", port: 7000 },
          { host: "two", port: 6379 },
          { host: "::1", port: 7001 }
        ],
        username: "app",
        tls: { caFile: "/etc/ca.pem" }
      })
      expect(password && Redacted.value(password)).toBe("of the servers")
      expect(RedisConfig.describeCluster(choice.address)).toBe("rediss-cluster://one:7000,two:6379,[::1]:7001")
    })
  )

  it.effect("reads the password of a cluster from a file at each dial", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory("cluster-secret-"), "password")
      writeFileSync(file, "first\n")
      const choice = yield* read({ ...cluster, REDIS_PASSWORD_FILE: file })
      if (choice._tag !== "Cluster") return yield* Effect.dieMessage(choice._tag)
      const { credentials = Effect.dieMessage("no credentials") } = choice.address
      expect(Redacted.value((yield* credentials).password)).toBe("first")
      writeFileSync(file, "second\n")
      expect(Redacted.value((yield* credentials).password)).toBe("second")
    }).pipe(Effect.scoped)
  )

  it.effect("names both variables when a cluster is named beside another server or a database", () =>
    Effect.gen(function* () {
      for (const [variables, ...named] of [
        [{ REDIS_URL: "redis://:hidden@one" }, "REDIS_CLUSTER_NODES", "REDIS_URL"],
        [{ REDIS_HOST: "one" }, "REDIS_CLUSTER_NODES", "REDIS_HOST"],
        [{ REDIS_PORT: "7000" }, "REDIS_CLUSTER_NODES", "REDIS_PORT"],
        [sentinels, "REDIS_CLUSTER_NODES", "REDIS_SENTINELS"],
        [{ REDIS_DB: "3", REDIS_PASSWORD: "hidden" }, "REDIS_DB", "REDIS_CLUSTER_NODES"],
        [{ REDIS_SENTINEL_MASTER: "mymaster" }, "REDIS_SENTINEL_MASTER", "REDIS_SENTINELS"]
      ] as const) {
        const message = explain(yield* Effect.flip(read({ ...cluster, ...variables })))
        for (const name of named) expect(message).toContain(name)
        expect(message).not.toContain("hidden")
      }
    })
  )

  it.effect("names REDIS_CLUSTER_NODES and its form when an address in it is wrong, and never repeats the text", () =>
    Effect.gen(function* () {
      for (const list of ["one,,two", "one:0", "one:70000", "redis://:hidden@one", "u:hidden@one", "::1", "one:x"]) {
        const message = explain(yield* Effect.flip(read({ REDIS_CLUSTER_NODES: list })))
        expect(message).toContain("REDIS_CLUSTER_NODES")
        expect(message).toMatch(/host:port|between 1 and 65535/)
        expect(message).not.toContain("hidden")
      }
    })
  )

  it.effect("prefers REDIS_URL to the parts", () =>
    Effect.gen(function* () {
      const address = yield* addressOf({ REDIS_URL: "redis://one:7000/2", REDIS_HOST: "two", REDIS_PORT: "7001" })
      expect(address).toMatchObject({ host: "one", port: 7000, database: 2 })
    })
  )

  it.effect("builds the address from its parts", () =>
    Effect.gen(function* () {
      const address = yield* addressOf({
        REDIS_HOST: "cache",
        REDIS_PORT: "6380",
        REDIS_USERNAME: "app",
        REDIS_PASSWORD: "p@ss:/#?%41 ü",
        REDIS_DB: "3",
        REDIS_TLS_CA_FILE: "/etc/ca.pem"
      })
      expect(address).toMatchObject({ host: "cache", port: 6380, username: "app", database: 3 })
      expect(address?.tls).toEqual({ caFile: "/etc/ca.pem" })
      expect(address?.password && Redacted.value(address.password)).toBe("p@ss:/#?%41 ü")
    })
  )

  it.effect("names the variable and the accepted form when a value is wrong", () =>
    Effect.gen(function* () {
      for (const [variables, variable, words] of [
        [{ REDIS_URL: "http://localhost" }, "REDIS_URL", "redis://"],
        [{ REDIS_URL: "redis://localhost/abc" }, "REDIS_URL", "database index"],
        [{ REDIS_URL: "redis://localhost?db=3" }, "REDIS_URL", "the database is the path"],
        [{ REDIS_URL: "redis://localhost:99999" }, "REDIS_URL", "between 1 and 65535"],
        [{ REDIS_URL: "redis://" }, "REDIS_URL", "host"],
        [{ REDIS_URL: "unix://redis.sock" }, "REDIS_URL", "unix://["],
        [{ REDIS_URL: "unix:///redis.sock?db=one" }, "REDIS_URL", "?db=index"],
        [{ REDIS_URL: "unix:///redis.sock", REDIS_TLS_CA_FILE: "/ca.pem" }, "REDIS_TLS_CA_FILE", "rediss://"],
        [{ REDIS_HOST: "/var/run/redis.sock" }, "REDIS_HOST", "REDIS_URL=unix:///"],
        [{ REDIS_HOST: "h", REDIS_TLS_CERT_FILE: "/c.pem" }, "REDIS_TLS_CERT_FILE", "without REDIS_TLS_KEY_FILE"],
        [{ REDIS_HOST: "h", REDIS_TLS_KEY_FILE: "/k.pem" }, "REDIS_TLS_KEY_FILE", "without REDIS_TLS_CERT_FILE"],
        [{ REDIS_HOST: "cache:6380" }, "REDIS_HOST", "REDIS_PORT"],
        [{ REDIS_HOST: "redis://cache" }, "REDIS_HOST", "REDIS_URL"],
        [{ REDIS_HOST: "user@cache" }, "REDIS_HOST", "REDIS_USERNAME"],
        [{ REDIS_HOST: "two words" }, "REDIS_HOST", "no host name"],
        [{ REDIS_URL: "redis://:%zz@localhost" }, "REDIS_URL", "encodeURIComponent"],
        [{ REDIS_URL: "localhost:6379" }, "REDIS_URL", "redis://"],
        [{ REDIS_HOST: "h", REDIS_PORT: "6379x" }, "REDIS_PORT", "whole number"],
        [{ REDIS_HOST: "h", REDIS_DB: "-1" }, "REDIS_DB", "whole number"],
        [{ REDIS_ENABLED: "maybe" }, "REDIS_ENABLED", "true or false"],
        [{ REDIS_URL: "redis://h", REDIS_TLS_CA_FILE: "/ca.pem" }, "REDIS_TLS_CA_FILE", "rediss://"]
      ] as const) {
        const message = String(yield* Effect.flip(read(variables)))
        expect(message).toContain(variable)
        expect(message).toContain(words)
      }
    })
  )

  for (const url of [
    "redis://:p/hunter2@localhost",
    "redis://user:p#hunter2@localhost/1",
    "rediss://u:p?hunter2@h:1",
    "redis://:p@hunter2/x@localhost",
    "redis://:p@hunter2?x@localhost:6379/0",
    "redis://a[b:hunter2/d@h",
    "redis://:12/hunter2@h",
    "redis://:hunter2/#?@h",
    "unix://:p/hunter2@/run/redis.sock"
  ]) {
    it.effect(`says which characters of a password must be escaped: ${url.replace("hunter2", "…")}`, () =>
      Effect.gen(function* () {
        const failure = String(yield* Effect.flip(read({ REDIS_URL: url })))
        for (const words of ["REDIS_URL", "%2F", "encodeURIComponent", "REDIS_PASSWORD"])
          expect(failure).toContain(words)
        expect(failure).not.toContain("hunter2")
      })
    )
  }

  for (const host of ["user:hunter2@localhost", ":hunter2@localhost", "redis://:hunter2@localhost/1", "hunter2@h:1"]) {
    it.effect(`rejects a password in REDIS_HOST without repeating it: ${host.replace("hunter2", "…")}`, () =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(read({ REDIS_HOST: host }))
        const said = [String(failure), JSON.stringify(failure), explain(failure), Cause.pretty(Cause.fail(failure))]
        for (const text of said) expect(text).not.toContain("hunter2")
        expect(explain(failure)).toMatch(/^REDIS_HOST: .*(REDIS_URL|REDIS_PASSWORD)/)
        expect(RedisConfig.describe({ host })).not.toContain("hunter2")
      })
    )
  }

  it.effect("takes an IPv6 address with or without brackets", () =>
    Effect.gen(function* () {
      for (const REDIS_HOST of ["::1", "[::1]", " ::1 "]) {
        const address = yield* addressOf({ REDIS_HOST })
        expect(RedisConfig.describe(address ?? {})).toBe("redis://[::1]:6379/0")
      }
    })
  )

  it.effect("never shows a password, neither in an error nor in a description", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(read({ REDIS_URL: "redis://user:hunter2@localhost/x" }))
      expect(JSON.stringify(failure) + String(failure)).not.toContain("hunter2")
      const address = yield* addressOf({ REDIS_URL: "rediss://user:hunter2@localhost/1" })
      expect(RedisConfig.describe(address ?? {})).toBe("rediss://localhost:6379/1")
      expect(JSON.stringify(address) + String(address?.password)).not.toContain("hunter2")
    })
  )
})

describe("REDIS_KEY_PREFIX", () => {
  const prefixOf = (value: string) =>
    Effect.withConfigProvider(RedisConfig.keyPrefix, ConfigProvider.fromMap(new Map([["REDIS_KEY_PREFIX", value]])))

  it.effect("is taken as it is, and unset where it is empty", () =>
    Effect.gen(function* () {
      expect(yield* prefixOf("shop *ü: ")).toBe("shop *ü: ")
      expect(yield* prefixOf("")).toBeUndefined()
    })
  )

  it.effect("holds no braces and no control characters", () =>
    Effect.gen(function* () {
      for (const value of ["{shop}:", "shop\n", "\u007f"]) {
        expect(String(yield* Effect.flip(prefixOf(value)))).toMatch(/REDIS_KEY_PREFIX.*without/)
      }
    })
  )
})

describe("a URL of a unix socket", () => {
  it("has a path, a login and a database", () => {
    for (const scheme of ["unix", "redis+unix"]) {
      const address = Either.getOrThrow(
        RedisConfig.fromUrl(Redacted.make(`${scheme}://ada:p%40ss@/run/my%20redis.sock?db=2`))
      )
      expect(address).toEqual({
        path: "/run/my redis.sock",
        database: 2,
        username: "ada",
        password: Redacted.make("p@ss")
      })
      expect(RedisConfig.describe(address)).toBe("unix:///run/my redis.sock?db=2")
    }
    expect(RedisConfig.fromUrl(Redacted.make("unix:///run/redis.sock"))).toMatchObject({
      right: { path: "/run/redis.sock", database: 0 }
    })
  })
})

describe("a URL", () => {
  it.prop(
    "carries any user name and password that was escaped into it",
    {
      username: FastCheck.fullUnicodeString({ minLength: 1 }),
      password: FastCheck.fullUnicodeString({ minLength: 1 })
    },
    ({ username, password }) => {
      const url = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@host:1/0`
      const address = Either.getOrThrow(RedisConfig.fromUrl(Redacted.make(url)))
      expect(address.username).toBe(username)
      expect(address.password && Redacted.value(address.password)).toBe(password)
    }
  )

  it.prop("never throws, whatever its text is", { text: FastCheck.fullUnicodeString() }, ({ text }) => {
    for (const url of [text, `redis://${text}`, `redis://user:${text}@host`]) {
      expect(["Left", "Right"]).toContain(RedisConfig.fromUrl(Redacted.make(url))._tag)
    }
  })

  it("may name a host by its IPv6 address", () => {
    expect(Either.getOrThrow(RedisConfig.fromUrl(Redacted.make("redis://[::1]:7000")))).toMatchObject({
      host: "::1",
      port: 7000
    })
    expect(RedisConfig.describe({ host: "::1" })).toBe("redis://[::1]:6379/0")
  })
})
