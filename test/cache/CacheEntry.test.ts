import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as CacheEntry from "../../src/cache/CacheEntry.js"

const time = fc.integer({ min: 1, max: 999_999_999_999_999 })
/** brackets, quotes and backslashes are what a hasty parser trips over */
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("]", '"', "\\", '\\"', '"],"value":1}', "ü"))
const stored = fc.record<CacheEntry.StoredEntry>({
  created: time,
  timeToLive: time,
  tags: fc.array(text, { maxLength: 3 }),
  versionTag: fc.option(text, { nil: undefined }),
  content: fc.record({
    kind: fc.constantFrom("value", "error"),
    version: fc.integer({ min: 1, max: 999_999_999 }),
    encoding: fc.option(
      fc
        .record({
          compression: fc.constantFrom("gzip" as const, undefined),
          keyId: fc.option(fc.stringMatching(/^[\w.-]{1,64}$/), { nil: undefined })
        })
        .filter(({ compression, keyId }) => compression !== undefined || keyId !== undefined),
      { nil: undefined }
    ),
    text: fc.json()
  })
})
const textOf = (entry: CacheEntry.StoredEntry) => `{"created":${entry.created},${CacheEntry.body(entry, entry.content)}`

describe("a stored entry", () => {
  it("is read as it was written, and is readable as JSON by anyone", () => {
    fc.assert(
      fc.property(stored, (entry) => {
        expect(CacheEntry.parse(textOf(entry))).toEqual(entry)
        const { content, tags, versionTag } = entry
        expect(JSON.parse(textOf(entry))).toEqual({
          created: entry.created,
          ttl: entry.timeToLive,
          ...(content.version === 1 ? {} : { version: content.version }),
          ...(tags.length === 0 ? {} : { tags }),
          ...(versionTag === undefined ? {} : { versionTag }),
          ...(content.encoding?.compression === undefined ? {} : { compression: "gzip" }),
          ...(content.encoding?.keyId === undefined ? {} : { keyId: content.encoding.keyId }),
          [content.kind]: JSON.parse(content.text)
        })
      })
    )
  })

  it("is never read when it is cut within its head or at its end", () => {
    fc.assert(
      fc.property(stored, fc.nat(), (entry, cut) => {
        const text = textOf({ ...entry, content: { ...entry.content, text: '"text"' } })
        expect(CacheEntry.parse(text.slice(0, cut % text.length))).toBeUndefined()
      })
    )
  })

  it("is none when its tags or its version tag are no JSON", () => {
    for (const odd of ['"tags":["\\x"],', '"tags":[],', '"tags":["a",],', '"tags":[1],', '"versionTag":"\\x",']) {
      expect(CacheEntry.parse(`{"created":1,"ttl":1,${odd}"value":1}`), odd).toBeUndefined()
    }
  })

  it("has the birth of its head whether or not the rest can be read", () => {
    fc.assert(
      fc.property(stored, fc.string(), (entry, rest) => {
        expect(CacheEntry.createdOf(textOf(entry))).toBe(entry.created)
        expect(CacheEntry.createdOf(`{"created":${entry.created},${rest}`)).toBe(entry.created)
      })
    )
    for (const foreign of ["", "hello", '{"created":"1"}', '{"created":1234567890123456,']) {
      expect(CacheEntry.createdOf(foreign)).toBe(0)
    }
  })

  it("is fresh, then stale, then neither, and never two at once", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(300), (timeToLive, staleFor, age) => {
        const entry = { created: 1000, timeToLive }
        expect(CacheEntry.isFresh(entry, 1000 + age)).toBe(age < timeToLive)
        expect(CacheEntry.isStale(entry, 1000 + age, staleFor)).toBe(age >= timeToLive && age < timeToLive + staleFor)
      })
    )
  })
})
