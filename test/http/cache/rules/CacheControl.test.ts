import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as CacheControl from "../../../../src/http/cache/rules/CacheControl.js"
import * as FieldList from "../../../../src/http/cache/rules/FieldList.js"

const response = (text: string) => CacheControl.ofResponse({ "cache-control": text })
const request = (text: string) => CacheControl.ofRequest({ "cache-control": text })

describe("the list of a header field", () => {
  it("is split at commas outside of quoted strings", () => {
    expect(FieldList.split('a, "b, \\" c" ,, d="e,f"')).toEqual(["a", '"b, \\" c"', 'd="e,f"'])
    expect(FieldList.split(undefined)).toEqual([])
  })

  it("has each member that was joined, for any members", () => {
    const member = FastCheck.oneof(
      FastCheck.stringMatching(/^[a-z0-9=-]{1,8}$/),
      FastCheck.stringMatching(/^[ -!#-[\]-~]{0,8}$/).map((text) => `"${text}"`)
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(member), (members) => {
        expect(FieldList.split(members.join(" , "))).toEqual(members)
      })
    )
  })

  it("never throws and never has an empty member, for any text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (text) => {
        expect(FieldList.split(text)).not.toContain("")
        CacheControl.ofResponse({ "cache-control": text })
        CacheControl.ofRequest({ "cache-control": text, pragma: text })
      })
    )
  })
})

describe("the directives of a response", () => {
  it("have names in any case", () => {
    expect(response("MaX-AgE=3600, No-StOrE")).toMatchObject({ maxAge: 3600, noStore: true })
  })

  it("are none that stand in a quoted string", () => {
    expect(response('extension="max-age=3600", max-age=1').maxAge).toBe(1)
    expect(response('max-age=1, extension="max-age=3600, no-store"')).toMatchObject({ maxAge: 1, noStore: false })
  })

  it.each([
    ["max-age=3600", 3600],
    ["max-age=003600", 3600],
    ['max-age="3600"', 3600],
    ["max-age=99999999999", 2 ** 31],
    ["max-age=1, max-age=1800", 1],
    ["max-age='3600'", 0],
    ["max-age=-1", 0],
    ["max-age=3600.5", 0],
    ["max-age= 3600", 0],
    ["max-age", 0],
    ["max-age =3600", undefined],
    ["s-maxage=5", undefined]
  ])("%s is fresh for %s seconds", (text, expected) => {
    expect(response(text).maxAge).toBe(expected)
  })

  it("tell a no-cache of some fields from that of the response", () => {
    expect(response('no-cache="A, b", max-age=1')).toMatchObject({ noCache: false, noCacheFields: ["a", "b"] })
    expect(response("no-cache")).toMatchObject({ noCache: true, noCacheFields: [] })
  })
})

describe("the directives of a request", () => {
  it("accept any staleness where max-stale has no argument", () => {
    expect([request("max-stale").maxStale, request("max-stale=5").maxStale, request("").maxStale]).toEqual([
      Number.POSITIVE_INFINITY,
      5,
      undefined
    ])
  })

  it("are those of Pragma only where there is no Cache-Control", () => {
    expect(CacheControl.ofRequest({ pragma: "no-cache" }).noCache).toBe(true)
    expect(CacheControl.ofRequest({ pragma: "no-cache", "cache-control": "max-age=1" }).noCache).toBe(false)
  })
})
