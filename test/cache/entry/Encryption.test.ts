import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Encryption from "../../../src/cache/entry/Encryption.js"

const secret = (byte: number, length = 32) => Buffer.alloc(length, byte).toString("base64")
const key = (id: string, text: string) => ({ id, key: Redacted.make(text) })

const plain = [Buffer.from("text")]

describe("the keys of encryption", () => {
  it("encrypt with the first key, and decrypt with each", () => {
    const old = Either.getOrThrow(Encryption.make([key("2025", secret(1))]))
    const both = Either.getOrThrow(Encryption.make([key("2026", secret(2)), key("2025", secret(1))]))
    expect(both.keyId).toBe("2026")
    expect(both.open("2025", old.seal(plain, "data"), "data")?.toString()).toBe("text")
    expect(both.open("2026", both.seal(plain, "data"), "data")?.toString()).toBe("text")
    expect(both.open("2025", both.seal(plain, "data"), "data")).toBeUndefined()
    expect(old.open("2026", both.seal(plain, "data"), "data")).toBeUndefined()
  })

  it("are rejected if they are not usable, with a message that contains no key", () => {
    const rejected = (keys: ReadonlyArray<Encryption.EncryptionKey>) => {
      const made = Encryption.make(keys)
      return Either.isLeft(made) ? made.left : undefined
    }
    const short = secret(7, 16)
    const odd: ReadonlyArray<readonly [ReadonlyArray<Encryption.EncryptionKey>, string, number]> = [
      [[], "NoKeys", 0],
      [[key("", secret(1))], "InvalidId", 1],
      [[key("a b", secret(1))], "InvalidId", 1],
      [[key("a".repeat(65), secret(1))], "InvalidId", 1],
      [[key("a", secret(1)), key("a", secret(2))], "DuplicateId", 2],
      [[key("a", "not base64!")], "NotBase64", 1],
      [[key("a", secret(1)), key("b", short)], "WrongLength", 2],
      [[key("a", "")], "WrongLength", 1],
      [[key("a", secret(1, 33))], "WrongLength", 1]
    ]
    for (const [keys, reason, position] of odd) {
      const error = rejected(keys)
      expect(error).toMatchObject({ _tag: "InvalidEncryptionKey", reason, position })
      for (const { key } of keys) {
        const text = Redacted.value(key)
        if (text !== "") expect(`${error} ${JSON.stringify(error)} ${inspect(error)}`).not.toContain(text)
      }
    }
    expect(rejected([key("a", short)])?.message).toBe("encryption key 1: it has another length than 32 bytes")
  })

  it("are not printed", () => {
    const encryption = Either.getOrThrow(Encryption.make([key("a", secret(0x6b))]))
    const printed = `${JSON.stringify(encryption)} ${inspect(encryption, { depth: 9, showHidden: true })}`
    expect(printed).not.toContain(secret(0x6b))
    expect(printed).not.toMatch(/kkkk|6b 6b/)
  })

  const read = (text: string) =>
    Encryption.config("KEYS").pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KEYS", text]]))))

  it.effect("are read from a variable", () =>
    Effect.gen(function* () {
      const encryption = yield* read(`2026:${secret(2)}, 2025:${secret(1)}`)
      expect(encryption.keyId).toBe("2026")
      const old = Either.getOrThrow(Encryption.make([key("2025", secret(1))]))
      expect(encryption.open("2025", old.seal(plain, ""), "")?.toString()).toBe("text")
    })
  )

  it.effect("name the variable and the expected form in an error, and not its content", () =>
    Effect.gen(function* () {
      for (const text of ["", secret(1), `a:${secret(1)},`, `a:${secret(1, 31)}`, `a=${secret(1)}`]) {
        const error = yield* Effect.flip(read(text))
        expect(String(error)).toContain("KEYS")
        expect(String(error)).toContain("expected <id>:<base64 of 32 bytes>")
        expect(inspect(error, { depth: 9 })).not.toContain("AQEBAQEB")
      }
    })
  )
})
