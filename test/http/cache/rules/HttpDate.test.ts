import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as HttpDate from "../../../../src/http/cache/rules/HttpDate.js"

const now = Date.UTC(2026, 0, 1)
const expected = Date.UTC(2038, 7, 18, 2, 1, 18)

describe("a date of a header field", () => {
  it.each([
    "Wed, 18 Aug 2038 02:01:18 GMT",
    "wED, 18 aUG 2038 02:01:18 gmt",
    "Wednesday, 18-Aug-38 02:01:18 GMT",
    "Wed Aug 18 02:01:18 2038"
  ])("is read from %s", (text) => {
    expect(HttpDate.parse(text, now)).toBe(expected)
  })

  it.each([
    undefined,
    "0",
    "Wed, 18 Aug 38 02:01:18 GMT",
    "Wed, 18 Aug 2038 02:01:18 UTC",
    "Wed, 18 Aug 2038 02:01:18 AEST",
    "Wed 18 Aug 2038 02:01:18 GMT",
    "Wed, 18  Aug  2038 02:01:18 GMT",
    "Wed, 18-Aug-2038 02:01:18 GMT",
    "Wed, 18 Aug 2038 02.01.18 GMT",
    "Wed, 18 Aug 2038 2:01:18 GMT",
    "Wed, 31 Feb 2038 02:01:18 GMT",
    "Wed, 18 Aug 2038 24:01:18 GMT",
    "Wed, 18 Aug 2038 02:01:18 GMT, Wed, 18 Aug 2038 02:01:18 GMT"
  ])("is not read from %s", (text) => {
    expect(HttpDate.parse(text, now)).toBeUndefined()
  })

  it("with two digits is of the century that is not 50 years ahead", () => {
    expect(HttpDate.parse("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
  })

  it("is read as it was formatted, for any second", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 0, max: 253_402_300_799 }), (second) => {
        expect(HttpDate.parse(HttpDate.format(second * 1000), now)).toBe(second * 1000)
      })
    )
  })
})
