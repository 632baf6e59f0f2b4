import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as CacheStatus from "../../../../src/http/cache/rules/CacheStatus.js"
import * as Conditional from "../../../../src/http/cache/rules/Conditional.js"
import type * as FieldList from "../../../../src/http/cache/rules/FieldList.js"
import * as HttpDate from "../../../../src/http/cache/rules/HttpDate.js"
import * as Targets from "../../../../src/http/cache/rules/Targets.js"
import * as Vary from "../../../../src/http/cache/rules/Vary.js"

const now = Date.UTC(2026, 0, 1)
const at = (seconds: number) => HttpDate.format(now + seconds * 1000)

describe("a client has a response already", () => {
  it.each<[string, FieldList.Fields, FieldList.Fields, boolean]>([
    ["with its tag", { "if-none-match": '"a"' }, { etag: '"a"' }, true],
    ["with its tag among others", { "if-none-match": '"x, y", "a"' }, { etag: '"a"' }, true],
    ["with a weak form of its tag", { "if-none-match": 'W/"a"' }, { etag: '"a"' }, true],
    ["with its tag unquoted", { "if-none-match": "a" }, { etag: '"a"' }, true],
    ["with any tag", { "if-none-match": "*" }, {}, true],
    ["with another tag", { "if-none-match": '"b"' }, { etag: '"a"' }, false],
    ["of the same change", { "if-modified-since": at(0) }, { "last-modified": at(0) }, true],
    ["of a later time", { "if-modified-since": at(9) }, { "last-modified": at(0) }, true],
    ["of an earlier time", { "if-modified-since": at(-9) }, { "last-modified": at(0) }, false],
    ["of its date, without a time of its change", { "if-modified-since": at(0) }, { date: at(0) }, true],
    [
      "by its tag, whatever the time",
      { "if-none-match": '"a"', "if-modified-since": at(-9) },
      { etag: '"a"', "last-modified": at(0) },
      true
    ],
    [
      "by its time, but not by its tag",
      { "if-none-match": '"b"', "if-modified-since": at(0) },
      { etag: '"a"', "last-modified": at(0) },
      false
    ],
    ["without a precondition", {}, { etag: '"a"' }, false]
  ])("%s", (_, request, response, expected) => {
    expect(Conditional.isNotModified(request, response, now)).toBe(expected)
  })
})

describe("a revalidation", () => {
  it("sends the validators of the stored response in place of the client's", () => {
    expect(
      Conditional.withValidators({ "if-none-match": '"client"', accept: "*/*" }, { etag: '"a"', "last-modified": "b" })
    ).toEqual({ accept: "*/*", "if-none-match": '"a"', "if-modified-since": "b" })
    expect(Conditional.withValidators({ "if-modified-since": "x", accept: "*/*" }, undefined)).toEqual({
      accept: "*/*"
    })
  })

  it("updates the stored fields, except for those of the content", () => {
    expect(
      Conditional.updated(
        { etag: '"a"', "content-length": "36", x: "1", y: "1", age: "30" },
        { etag: '"b"', "content-length": "0", y: "2" }
      )
    ).toEqual({ etag: '"b"', "content-length": "36", x: "1", y: "2" })
  })
})

describe("the secondary key", () => {
  const key = (vary: string, request: FieldList.Fields) => {
    const names = Vary.fieldsOf({ vary })
    return names === "*" ? "*" : Vary.secondaryKey(names, request)
  }

  it("holds the values of the fields that Vary names, and no others", () => {
    expect(key("Foo, bar", { foo: "1", bar: "2", other: "3" })).toEqual(["2", "1"])
    expect(key("foo", {})).toEqual([undefined])
    expect(key("foo", { foo: "" })).toEqual([""])
    expect(key(", *", {})).toBe("*")
  })

  it("is the same for values of one meaning", () => {
    expect(key("accept-language", { "accept-language": " eN ,  De ; q=0.5" })).toEqual(
      key("Accept-Language", { "accept-language": "de;q=0.5, en" })
    )
    expect(key("foo", { foo: " 1, 2 " })).toEqual(key("foo", { foo: "1,2" }))
    expect(key("foo", { foo: "2, 1" })).not.toEqual(key("foo", { foo: "1, 2" }))
  })

  it("differs where a field has another value, for any values without spaces and commas", () => {
    const value = FastCheck.option(FastCheck.stringMatching(/^[a-z0-9"]{0,4}$/), { nil: undefined })
    FastCheck.assert(
      FastCheck.property(value, value, (one, other) => {
        const isSame = JSON.stringify(key("x", { x: one })) === JSON.stringify(key("x", { x: other }))
        expect(isSame).toBe(one === other)
      })
    )
  })
})

describe("a request that changes something", () => {
  const url = new URL("http://shop/carts/1")
  const targets = (status: number, fields: FieldList.Fields) =>
    Targets.invalidated(url, { status, fields }).map(({ href }) => href)

  it("invalidates its URL, and those of one origin that the response names", () => {
    expect(targets(201, { location: "/carts/2", "content-location": "http://other/carts/3" })).toEqual([
      "http://shop/carts/1",
      "http://shop/carts/2"
    ])
    expect(targets(303, { location: "http://%" })).toEqual(["http://shop/carts/1"])
  })

  it("invalidates nothing when it has failed", () => {
    expect(targets(500, { location: "/carts/2" })).toEqual([])
    expect(["POST", "M-SEARCH", "GET", "HEAD"].map(Targets.isUnsafe)).toEqual([true, true, false, false])
  })
})

describe("the header Cache-Status", () => {
  it("is a structured field with the parameters of RFC 9211", () => {
    expect(CacheStatus.format("edge", { hit: true, timeLeft: 30.9, detail: "local" })).toBe(
      "edge; hit; ttl=30; detail=local"
    )
    expect(
      CacheStatus.format('my "cache"', { forwarded: "stale", forwardedStatus: 304, stored: true, collapsed: true })
    ).toBe('"my \\"cache\\""; fwd=stale; fwd-status=304; stored; collapsed')
  })
})
