import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as CacheEntry from "../../../src/cache/entry/CacheEntry.js"
import { runs } from "../../support/effort.js"

const time = fc.integer({ min: 1, max: 999_999_999_999_999 })
/** rich in the brackets, quotes and backslashes that a careless parser fails on */
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("]", '"', "\\", '\\"', '"],"value":1}', "ü"))
const stored = fc.record<CacheEntry.StoredEntry>({
  createdAt: time,
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
const textOf = (entry: CacheEntry.StoredEntry) =>
  `{"created":${entry.createdAt},${CacheEntry.body(entry, entry.content)}`

describe("a stored entry", () => {
  it("is parsed as it was written, and is plain JSON", () => {
    fc.assert(
      fc.property(stored, (entry) => {
        expect(CacheEntry.parse(textOf(entry))).toEqual(entry)
        const { content, tags, versionTag } = entry
        expect(JSON.parse(textOf(entry))).toEqual({
          created: entry.createdAt,
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

  it("is never parsed when its head or its end is cut", () => {
    fc.assert(
      fc.property(stored, fc.nat(), (entry, cut) => {
        const text = textOf({ ...entry, content: { ...entry.content, text: '"text"' } })
        expect(CacheEntry.parse(text.slice(0, cut % text.length))).toBeUndefined()
      })
    )
  })

  /** A plain entry: times of 1 to 15 digits, no other field, and the value up to the last brace. */
  const plain = /^\{"created":(\d{1,15}),"ttl":(\d{1,15}),"value":([\s\S]*)\}$/
  const plainly = (text: string): CacheEntry.StoredEntry | undefined => {
    const match = plain.exec(text)
    if (match === null) return undefined
    const [, created, ttl, value = ""] = match
    return {
      createdAt: Number(created),
      timeToLive: Number(ttl),
      tags: [],
      versionTag: undefined,
      content: { kind: "value", version: 1, encoding: undefined, text: value }
    }
  }
  const digits = fc.oneof(
    fc.stringMatching(/^[0-9]{0,17}$/),
    fc.constantFrom("0", "007", "000000000000001", "999999999999999", "9999999999999999", "٣", "-1", "1.5", "1e3", "")
  )
  /** Almost a plain entry: each part is correct most of the time. */
  const nearlyPlain = fc
    .tuple(
      fc.oneof(
        { weight: 9, arbitrary: fc.constant('{"created":') },
        {
          weight: 1,
          arbitrary: fc.constantFrom("", ' {"created":', '{"created": ', '{"created":"', '{"Created":', "[")
        }
      ),
      digits,
      fc.oneof(
        { weight: 9, arbitrary: fc.constant(',"ttl":') },
        { weight: 1, arbitrary: fc.constantFrom("", ', "ttl":', ',"tt":', ',"ttl":,"ttl":', ',"value":', "}") }
      ),
      digits,
      fc.oneof(
        { weight: 9, arbitrary: fc.constant(',"value":') },
        { weight: 1, arbitrary: fc.constantFrom("", ',"value"', ' ,"value":', ',"error"', "}", ',"values":') }
      ),
      fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.constantFrom("", "}", '1},"value":{', "\n", "1}\n")),
      fc.oneof({ weight: 9, arbitrary: fc.constant("}") }, { weight: 1, arbitrary: fc.constantFrom("", "}\n", "} ") })
    )
    .map((parts) => parts.join(""))

  it("of the plain form is parsed like a regular expression does, at every edge", () => {
    fc.assert(
      fc.property(nearlyPlain, (text) => {
        expect(CacheEntry.parse(text)).toEqual(plainly(text))
      }),
      { numRuns: runs(20_000) }
    )
    const edges: ReadonlyArray<readonly [text: string, created: number | undefined]> = [
      ['{"created":999999999999999,"ttl":999999999999999,"value":1}', 999_999_999_999_999],
      ['{"created":1000000000000000,"ttl":1,"value":1}', undefined],
      ['{"created":1,"ttl":1000000000000000,"value":1}', undefined],
      ['{"created":000000000000007,"ttl":01,"value":1}', 7],
      ['{"created":0000000000000007,"ttl":01,"value":1}', undefined],
      ['{"created":,"ttl":1,"value":1}', undefined],
      ['{"created":1,"ttl":,"value":1}', undefined],
      ['{"created":1,"ttl":1,"value":1', undefined],
      ['{"created":1,"ttl":1,"value":1} ', undefined],
      ['{"created":1,"ttl":1,"value":1}\n', undefined],
      ['{"created":1,"ttl":1,"value":}', 1],
      ['{"created":1,"ttl":1,"value":', undefined],
      ['{"created":1', undefined],
      ['{"created":1,"other":1,"ttl":1,"value":1}', undefined],
      ['{"created":1,"ttl":1,"other":1,"value":1}', undefined],
      // a field as long as the time to live's, with that one further on
      ['{"created":1,"abc":5,"value":{"a":1,"ttl":2}}', undefined],
      ['{"created":1,"ttl":1,"abcde":{"a":1,"value":2}}', undefined],
      ['{"created":-1,"ttl":1,"value":1}', undefined],
      ["", undefined]
    ]
    for (const [text, created] of edges) {
      expect(CacheEntry.parse(text)?.createdAt, text).toBe(created)
      expect(plainly(text)?.createdAt, text).toBe(created)
    }
  })

  it("with more fields between its times and its value is parsed too", () => {
    const fields = [
      '"version":2,',
      '"tags":["a"],',
      '"versionTag":"v",',
      '"compression":"gzip",',
      '"keyId":"k",',
      '"version":2,"tags":["a"],"versionTag":"v","compression":"gzip","keyId":"k",'
    ]
    for (const field of fields) {
      const text = `{"created":7,"ttl":8,${field}"value":"text"}`
      expect(plainly(text)).toBeUndefined()
      expect(CacheEntry.parse(text), field).toMatchObject({ createdAt: 7, timeToLive: 8, content: { text: '"text"' } })
    }
    expect(CacheEntry.parse('{"created":7,"ttl":8,"error":"text"}')).toMatchObject({ content: { kind: "error" } })
  })

  it("does not parse when its tags or its version tag are no JSON", () => {
    for (const odd of ['"tags":["\\x"],', '"tags":[],', '"tags":["a",],', '"tags":[1],', '"versionTag":"\\x",']) {
      expect(CacheEntry.parse(`{"created":1,"ttl":1,${odd}"value":1}`), odd).toBeUndefined()
    }
  })

  it("has a creation time even if the rest does not parse", () => {
    fc.assert(
      fc.property(stored, fc.string(), (entry, rest) => {
        expect(CacheEntry.createdAtOf(textOf(entry))).toBe(entry.createdAt)
        expect(CacheEntry.createdAtOf(`{"created":${entry.createdAt},${rest}`)).toBe(entry.createdAt)
      })
    )
    for (const foreign of ["", "hello", '{"created":"1"}', '{"created":1234567890123456,']) {
      expect(CacheEntry.createdAtOf(foreign)).toBe(0)
    }
  })

  it("is 0 milliseconds old for an estimate of the server's time that lies before its creation", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), (timeToLive, behind) => {
        const entry = { createdAt: 1000, timeToLive }
        expect(CacheEntry.ageAt(entry, 1000 - behind)).toBe(0)
        expect(CacheEntry.isFresh(entry, 1000 - behind)).toBe(timeToLive > 0)
        expect(CacheEntry.isStale(entry, 1000 - behind, 1)).toBe(timeToLive === 0)
      })
    )
  })

  it("is fresh, then stale, then neither", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(300), (timeToLive, staleFor, age) => {
        const entry = { createdAt: 1000, timeToLive }
        expect(CacheEntry.isFresh(entry, 1000 + age)).toBe(age < timeToLive)
        expect(CacheEntry.isStale(entry, 1000 + age, staleFor)).toBe(age >= timeToLive && age < timeToLive + staleFor)
      })
    )
  })
})
