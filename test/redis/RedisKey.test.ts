import { it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { describe, expect } from "vitest"
import * as RedisKey from "../../src/redis/RedisKey.js"

const reasonOf = (id: string) =>
  Either.match(RedisKey.make("user:profile", id), { onLeft: (error) => error.reason, onRight: () => "none" })

describe("a key", () => {
  it("is the prefix and the id", () => {
    expect(RedisKey.make("user:profile", "42")).toEqual(Either.right("user:profile:42"))
    expect(RedisKey.make("user:profile", "*")).toEqual(Either.right("user:profile:*"))
  })

  it("holds no colon of its id, so that no id completes a longer prefix", () => {
    expect(RedisKey.make("user", "profile:42")).toEqual(Either.right("user:profile%3A42"))
    expect(RedisKey.make("user", "profile%3A42")).toEqual(Either.right("user:profile%253A42"))
    expect(RedisKey.idOf("user", "user:profile%3A42")).toBe("profile:42")
    expect(RedisKey.idOf("user", "user:profile%253A42")).toBe("profile%3A42")
  })

  it("is rejected for an id that is empty, too long, holds a control character or is no Unicode", () => {
    expect(reasonOf("")).toBe("Empty")
    expect(reasonOf("x".repeat(512))).toBe("none")
    expect(reasonOf("x".repeat(513))).toBe("TooLong")
    expect(reasonOf("ü".repeat(256))).toBe("none")
    expect(reasonOf("ü".repeat(257))).toBe("TooLong")
    for (const character of ["\n", "\r", "\0", "\u007f", "\u0085"])
      expect(reasonOf(`a${character}b`)).toBe("ControlCharacter")
    expect(reasonOf("a\ud800b")).toBe("LoneSurrogate")
  })

  it("keeps the hash tag whole when the id holds braces", () => {
    const key = Either.getOrThrow(RedisKey.make("user:profile", "{a}b"))
    expect(key).toBe("user:profile:%7Ba%7Db")
    expect(RedisKey.auxiliary(key, "lease")).toBe("{user:profile:%7Ba%7Db}:lease")
  })

  it.prop(
    "is never shared by two ids",
    {
      left: FastCheck.fullUnicodeString({ minLength: 1 }),
      right: FastCheck.stringOf(FastCheck.constantFrom("{", "}", "%", ":", "7", "B", "5", "3", "A"), { minLength: 1 })
    },
    ({ left, right }) => {
      const keys = [RedisKey.make("p", left), RedisKey.make("p", right)].map(Either.getOrNull)
      if (left !== right && keys[0] !== null) expect(keys[0]).not.toBe(keys[1])
    }
  )

  it("has a longest id that is counted in bytes of UTF-8", () => {
    expect(reasonOf("🎲".repeat(128))).toBe("none")
    expect(reasonOf("🎲".repeat(129))).toBe("TooLong")
  })
})
