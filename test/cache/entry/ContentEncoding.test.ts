import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import * as CacheEntry from "../../../src/cache/entry/CacheEntry.js"
import * as Compression from "../../../src/cache/entry/Compression.js"
import * as ContentEncoding from "../../../src/cache/entry/ContentEncoding.js"
import * as Encryption from "../../../src/cache/entry/Encryption.js"
import * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import { runs } from "../../support/effort.js"

const keysOf = (...bytes: ReadonlyArray<number>) =>
  Either.getOrThrow(
    Encryption.make(
      bytes.map((byte) => ({ id: `key-${byte}`, key: Redacted.make(Buffer.alloc(32, byte).toString("base64")) }))
    )
  )

const bornAt = 1_000_000

interface Settings {
  readonly above?: number | undefined
  readonly keys?: ReadonlyArray<number>
  readonly now?: number
}

/** Stores and reads values with these settings. A miss is undefined. */
const stored = ({ above, keys = [], now = bornAt }: Settings) => {
  const codec = ContentEncoding.make(
    EntryCodec.outcomes(
      EntryCodec.versioned(CacheCodec.make(Schema.Unknown), { version: 2, migrations: {} }),
      EntryCodec.values(CacheCodec.make(Schema.String))
    ),
    {
      compression: above === undefined ? undefined : { above },
      encryption: keys.length === 0 ? undefined : keysOf(...keys),
      serverTime: Effect.sync(() => now)
    }
  )
  return {
    write: (value: unknown, key = "k", attributes: CacheEntry.Attributes = plainly, created = bornAt) =>
      Effect.map(
        codec.encode(key, value, attributes),
        (content) => `{"created":${created},${CacheEntry.body(attributes, content)}`
      ),
    read: (text: string, key = "k"): Effect.Effect<{ readonly value: unknown } | undefined> => {
      const entry = CacheEntry.parse(text)
      if (entry === undefined) return Effect.succeed(undefined)
      return Effect.orElseSucceed(
        Effect.map(codec.decode(key, entry), (value) => ({ value })),
        () => undefined
      )
    }
  }
}

const plainly: CacheEntry.Attributes = { timeToLive: 5_000, tags: [], versionTag: undefined }

const long = "Lovelace ".repeat(500)

const attributes = fc.record<CacheEntry.Attributes>({
  timeToLive: fc.double({ min: 1, max: 1e9, noNaN: true }),
  tags: fc.array(fc.string(), { maxLength: 2 }),
  versionTag: fc.option(fc.string(), { nil: undefined })
})
const value = fc.oneof(
  fc.jsonValue({ stringUnit: "grapheme" }),
  fc.string({ unit: "binary", maxLength: 2_000, size: "max" }),
  fc.string().map((error) => new EntryCodec.CachedError(error))
)
/** some are too long to be compressed in the calling thread */
const anyValue = fc.oneof(
  value,
  fc.nat(100_000).map((length) => "ü{".repeat(length))
)
const settings = fc.record<Settings>({
  above: fc.constantFrom(undefined, 0, 50, 10_000),
  keys: fc.constantFrom([], [1], [2, 1])
})
const readableOf = (value: unknown) =>
  value instanceof EntryCodec.CachedError ? value : JSON.parse(JSON.stringify(value))

describe("a stored value", () => {
  it.effect("is read as it was written: compressed, encrypted, both or neither", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(anyValue, settings, attributes, fc.string(), (value, settings, attributes, key) => {
          const { read, write } = stored(settings)
          return Effect.runPromise(
            Effect.gen(function* () {
              const text = yield* write(value, key, attributes)
              expect(CacheEntry.createdAtOf(text)).toBe(bornAt)
              expect(yield* read(text, key)).toEqual({ value: readableOf(value) })
            })
          )
        }),
        { numRuns: runs(400) }
      )
    )
  )

  it.effect("is readable JSON without both, and base64 in place of the value with one of them", () =>
    Effect.gen(function* () {
      const text = (settings: Settings) => stored(settings).write(long)
      expect(yield* text({})).toBe(`{"created":1000000,"ttl":5000,"version":2,"value":"${long}"}`)
      expect(yield* text({ above: 10_000 })).toBe(yield* text({}))
      expect(yield* text({ above: 100 })).toMatch(
        /^\{"created":1000000,"ttl":5000,"version":2,"compression":"gzip","value":"[A-Za-z0-9+/]+={0,2}"\}$/
      )
      expect(yield* text({ keys: [2, 1] })).toMatch(
        /^\{"created":1000000,"ttl":5000,"version":2,"keyId":"key-2","value":"[A-Za-z0-9+/]+={0,2}"\}$/
      )
      expect(yield* text({ above: 100, keys: [1] })).toMatch(
        /^\{"created":1000000,"ttl":5000,"version":2,"compression":"gzip","keyId":"key-1","value":"[A-Za-z0-9+/]+={0,2}"\}$/
      )
    })
  )

  it.effect("is compressed only if that makes it shorter", () =>
    Effect.gen(function* () {
      const { read, write } = stored({ above: 0 })
      const random = Array.from({ length: 40 }, (_, i) => String.fromCodePoint(0x4e00 + i * 331)).join("")
      expect(yield* write(random)).not.toContain("compression")
      expect((yield* write(long)).length).toBeLessThan(long.length / 10)
      expect(yield* read(yield* write(random))).toEqual({ value: random })
    })
  )

  it.effect("is read with compression on and off, compressed or not", () =>
    Effect.gen(function* () {
      expect(yield* stored({}).read(yield* stored({ above: 0 }).write(long))).toEqual({ value: long })
      expect(yield* stored({ above: 0 }).read(yield* stored({}).write(long))).toEqual({ value: long })
      expect(yield* stored({ keys: [1] }).read(yield* stored({ above: 0, keys: [1] }).write(long))).toEqual({
        value: long
      })
    })
  )

  it.effect("is a miss if it would decompress to more than the limit", () =>
    Effect.gen(function* () {
      const bomb = (length: number, end?: (bytes: Buffer) => void) => {
        const bytes = gzipSync(Buffer.alloc(length, 0x20), { level: 1 })
        end?.(bytes)
        return `{"created":1,"ttl":5000,"version":2,"compression":"gzip","value":"${bytes.toString("base64")}"}`
      }
      expect(yield* stored({}).read(bomb(Compression.maxBytes * 4))).toBeUndefined()
      // its length field is wrong
      const small = bomb(Compression.maxBytes, (bytes) => bytes.writeUInt32LE(1, bytes.length - 4))
      expect(yield* stored({}).read(small)).toBeUndefined()
    })
  )
})

describe("an encrypted value", () => {
  const { read, write } = stored({ keys: [1] })

  it.effect("is a miss under another key of Redis, and as another kind, version or encoding", () =>
    Effect.gen(function* () {
      const text = yield* write("secret", "user:1")
      expect(yield* read(text, "user:1")).toEqual({ value: "secret" })
      expect(yield* read(text, "user:2")).toBeUndefined()
      expect(yield* read(text.replace('"value":', '"error":'), "user:1")).toBeUndefined()
      expect(yield* read(text.replace('"version":2,', ""), "user:1")).toBeUndefined()
      expect(yield* read(text.replace('"keyId"', '"compression":"gzip","keyId"'), "user:1")).toBeUndefined()
      const error = yield* write(new EntryCodec.CachedError("secret"), "user:1")
      expect(yield* read(error, "user:1")).toEqual({ value: new EntryCodec.CachedError("secret") })
      expect(yield* read(error.replace('"error":', '"version":2,"value":'), "user:1")).toBeUndefined()
    })
  )

  it.effect("is a miss with another time to live, tag or version tag", () =>
    Effect.gen(function* () {
      const text = yield* write("secret", "k", { timeToLive: 4999.5, tags: ["red"], versionTag: "v1" })
      expect(yield* read(text)).toEqual({ value: "secret" })
      for (const [from, to] of [
        ['"ttl":5000', '"ttl":5001'],
        ['["red"]', '["blue"]'],
        ['"tags":["red"],', ""],
        ['"v1"', '"v2"']
      ] as const) {
        expect(text).toContain(from)
        expect(yield* read(text.replace(from, to)), to).toBeUndefined()
      }
    })
  )

  it.effect("is a miss if its creation time is a minute after its encryption", () =>
    Effect.gen(function* () {
      const text = (created: number) => write("secret", "k", plainly, created)
      expect(yield* read(yield* text(bornAt - 100_000))).toEqual({ value: "secret" })
      expect(yield* read(yield* text(bornAt + 60_000))).toEqual({ value: "secret" })
      expect(yield* read(yield* text(bornAt + 60_001))).toBeUndefined()
    })
  )

  it.effect("is read with its encryption key, and a miss without it", () =>
    Effect.gen(function* () {
      const text = yield* write("secret")
      expect(yield* stored({ keys: [2, 1] }).read(text)).toEqual({ value: "secret" })
      expect(yield* stored({ keys: [2] }).read(text)).toBeUndefined()
      expect(yield* stored({}).read(text)).toBeUndefined()
      expect(yield* stored({ keys: [2, 1] }).read(text.replace("key-1", "key-2"))).toBeUndefined()
    })
  )

  it.effect("cannot be replaced by a plain one", () =>
    Effect.gen(function* () {
      expect(yield* read(yield* stored({}).write("forged"))).toBeUndefined()
      expect(yield* read(yield* stored({ above: 0 }).write(long))).toBeUndefined()
    })
  )

  it.effect("never contains its text", () =>
    Effect.gen(function* () {
      const text = yield* write("secret")
      expect(text).not.toContain("secret")
      expect(Buffer.from(/"value":"(.*)"/.exec(text)?.[1] ?? "", "base64").toString("latin1")).not.toContain("secret")
    })
  )
})

describe("a stored text that was changed", () => {
  type How = "flip" | "drop" | "cut"

  /** A byte is changed, deleted, or the rest is cut. */
  const changed = (text: string, at: number, by: number, how: How) => {
    const bytes = Buffer.from(text)
    const i = at % bytes.length
    if (how === "cut") return bytes.subarray(0, i).toString()
    if (how === "drop") return Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1)]).toString()
    bytes[i] = (bytes[i] ?? 0) ^ by
    return bytes.toString()
  }
  const change = [fc.nat(), fc.integer({ min: 1, max: 255 }), fc.constantFrom<How>("flip", "drop", "cut")] as const

  const survives = (settings: Settings, holds: (read: unknown, value: unknown) => void) => {
    const { read, write } = stored(settings)
    return Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(value, attributes, ...change, (value, attributes, at, by, how) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const text = yield* write(value, "k", attributes)
              const found = yield* read(changed(text, at, by, how))
              if (found !== undefined) holds(found.value, readableOf(value))
            })
          )
        ),
        { numRuns: runs(1_000) }
      )
    )
  }
  const isTheSame = (read: unknown, value: unknown) => expect(read).toEqual(value)

  it.effect("never throws", () => survives({}, () => {}))

  it.effect("is a miss or the same value when it is compressed", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(...change, (at, by, how) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const { read, write } = stored({ above: 0 })
              const found = yield* read(changed(yield* write(long), at, by, how))
              if (found !== undefined) expect(found.value).toBe(long)
            })
          )
        ),
        { numRuns: runs(1_000) }
      )
    )
  )

  it.effect("is a miss or the same value when it is encrypted", () => survives({ keys: [1] }, isTheSame))

  it.effect("is a miss or the same value when it is both", () => survives({ above: 20, keys: [1] }, isTheSame))
})
