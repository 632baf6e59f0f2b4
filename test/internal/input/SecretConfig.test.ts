import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import * as DatabaseUrl from "../../../src/game/database/DatabaseUrl.js"
import * as SecretConfig from "../../../src/internal/input/SecretConfig.js"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"

const withVariables = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const secretOf = (variables: Record<string, string>) =>
  Effect.map(SecretConfig.make("SECRET"), Option.map(Redacted.value)).pipe(withVariables(variables))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "secrets-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const file = (content: string) =>
  Effect.map(folder, (path) => {
    const name = join(path, "secret")
    writeFileSync(name, content)
    return name
  })

describe("a secret of the environment", () => {
  it.effect("is the variable's value, or none where it is unset or blank", () =>
    Effect.gen(function* () {
      expect(yield* secretOf({ SECRET: " p@ss word " })).toEqual(Option.some(" p@ss word "))
      expect(yield* secretOf({})).toEqual(Option.none())
      expect(yield* secretOf({ SECRET: " ", SECRET_FILE: "" })).toEqual(Option.none())
    })
  )

  it.scoped("is the content of the file that the variable with _FILE names, without the last line break", () =>
    Effect.gen(function* () {
      for (const [content, secret] of [
        ["p@ss:/#?%41 ü", "p@ss:/#?%41 ü"],
        ["secret\n", "secret"],
        ["secret\r\n", "secret"],
        ["two\nlines\n\n", "two\nlines\n"]
      ] as const) {
        expect(yield* secretOf({ SECRET_FILE: yield* file(content), SECRET: "" })).toEqual(Option.some(secret))
      }
    })
  )

  it.scoped(
    "is rejected, by an error that names the variable and holds no secret, when it is not clear which it is",
    () =>
      Effect.gen(function* () {
        const path = yield* file("from the file")
        for (const [variables, words] of [
          [{ SECRET: "from the variable", SECRET_FILE: path }, "SECRET is set too"],
          [{ SECRET_FILE: yield* file("\n") }, "is empty"],
          [{ SECRET_FILE: join(path, "nowhere") }, "cannot be read (ENOTDIR)"],
          [{ SECRET_FILE: "/nowhere/secret" }, "the file /nowhere/secret cannot be read (ENOENT)"]
        ] as const) {
          const error = yield* Effect.flip(secretOf(variables))
          expect(error).toMatchObject({ _op: "InvalidData", path: ["SECRET_FILE"] })
          expect(String(error)).toContain(words)
          expect(String(error)).not.toMatch(/from the (file|variable)/)
        }
      })
  )

  it.scoped("may be the password of Redis, its URL, or the URL of the database", () =>
    Effect.gen(function* () {
      const password = yield* RedisConfig.config.pipe(
        withVariables({ REDIS_HOST: "cache", REDIS_PASSWORD_FILE: yield* file("p@ss\n") })
      )
      expect(password._tag === "Server" && password.address.password).toEqual(Redacted.make("p@ss"))
      const url = yield* RedisConfig.config.pipe(
        withVariables({ REDIS_URL_FILE: yield* file("redis://:p%40ss@cache:6380\n") })
      )
      expect(url._tag === "Server" && url.address).toMatchObject({ host: "cache", port: 6380 })
      const database = yield* DatabaseUrl.config.pipe(
        withVariables({ DATABASE_URL_FILE: yield* file("postgres://ada:secret@db.example/game\n") })
      )
      expect(DatabaseUrl.describe(database)).toBe("Postgres db.example:5432/game")
    })
  )
})
