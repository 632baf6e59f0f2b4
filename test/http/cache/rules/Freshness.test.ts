import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as CacheControl from "../../../../src/http/cache/rules/CacheControl.js"
import type * as FieldList from "../../../../src/http/cache/rules/FieldList.js"
import * as Freshness from "../../../../src/http/cache/rules/Freshness.js"
import * as HttpDate from "../../../../src/http/cache/rules/HttpDate.js"
import * as Reuse from "../../../../src/http/cache/rules/Reuse.js"

const now = Date.UTC(2026, 0, 1)
const at = (seconds: number) => HttpDate.format(now + seconds * 1000)
const shared = { isShared: true, heuristic: undefined, staleWhileRevalidate: 0, staleIfError: 0 }

const freshness = (fields: FieldList.Fields, options: Partial<Freshness.FreshnessOptions> = {}) =>
  Freshness.make({ status: 200, fields }, now, { ...shared, ...options })

describe("the freshness lifetime", () => {
  it.each<[string, FieldList.Fields, number]>([
    ["s-maxage before max-age", { "cache-control": "max-age=1, s-maxage=9" }, 9],
    ["max-age before Expires", { "cache-control": "max-age=5", expires: at(-10) }, 5],
    ["Expires minus Date", { expires: at(30), date: at(10) }, 20],
    ["Expires minus the time of receipt, without a Date", { expires: at(30), date: "never" }, 30],
    ["nothing for an invalid Expires", { expires: "0" }, 0],
    ["nothing for an Expires before the Date", { expires: at(300), date: at(400) }, 0],
    ["nothing, without heuristics", { "last-modified": at(-100) }, 0]
  ])("is that of %s", (_, fields, lifetime) => {
    expect(freshness(fields).lifetime).toBe(lifetime)
  })

  it("ignores s-maxage in a private cache", () => {
    expect(freshness({ "cache-control": "max-age=1, s-maxage=9" }, { isShared: false }).lifetime).toBe(1)
  })

  it("is a share of the time since the last change, where heuristics are on", () => {
    const heuristic = { fraction: 0.1, longest: 60 }
    expect(freshness({ "last-modified": at(-100) }, { heuristic }).lifetime).toBe(10)
    expect(freshness({ "last-modified": at(-86_400) }, { heuristic }).lifetime).toBe(60)
    const created = { status: 201, fields: { "last-modified": at(-100) } }
    expect(Freshness.make(created, now, { ...shared, heuristic }).lifetime).toBe(0)
  })
})

describe("the age of a response", () => {
  it.each<[string, FieldList.Fields, number]>([
    ["Age", { age: "30" }, 30],
    ["the first member of Age", { age: "7200, 0" }, 7200],
    ["its Date", { date: at(-40), age: "30" }, 40],
    ["nothing for an Age that is no number", { age: "-7200" }, 0],
    ["nothing for an Age with a fraction", { age: "7200.0" }, 0],
    ["nothing for a Date in the future", { date: at(40) }, 0]
  ])("begins at %s", (_, fields, age) => {
    expect(freshness(fields).initialAge).toBe(age)
  })
})

describe("the reuse of a stored response", () => {
  const decide = (directives: string, requestDirectives: string, age: number) =>
    Reuse.decide(
      CacheControl.ofRequest({ "cache-control": requestDirectives }),
      freshness({ "cache-control": directives }),
      age
    )

  it.each([
    ["max-age=10", "", 9, "Serve"],
    ["max-age=10", "", 10, "Revalidate"],
    ["max-age=10", "no-cache", 0, "Revalidate"],
    ["max-age=10", "max-age=5", 5, "Serve"],
    ["max-age=10", "max-age=5", 6, "Revalidate"],
    ["max-age=10", "min-fresh=5", 5, "Serve"],
    ["max-age=10", "min-fresh=5", 6, "Revalidate"],
    ["max-age=10", "max-stale=5", 15, "Serve"],
    ["max-age=10", "max-stale=5", 16, "Revalidate"],
    ["max-age=10", "max-stale", 999, "Serve"],
    ["max-age=10, must-revalidate", "max-stale", 15, "Revalidate"],
    ["max-age=10, proxy-revalidate", "max-stale", 15, "Revalidate"],
    ["s-maxage=10", "max-stale", 15, "Revalidate"],
    ["max-age=10, no-cache", "", 0, "Revalidate"],
    ["max-age=10, stale-while-revalidate=5", "", 14, "ServeAndRevalidate"],
    ["max-age=10, stale-while-revalidate=5", "", 15, "Revalidate"],
    ["max-age=10, stale-while-revalidate=5", "max-age=60", 14, "Revalidate"],
    ["max-age=10, stale-while-revalidate=5, must-revalidate", "", 14, "Revalidate"]
  ])("with %s, for a request with %s, at the age of %i, is %s", (response, request, age, tag) => {
    expect(decide(response, request, age)._tag).toBe(tag)
  })

  it.each([
    ["max-age=10, stale-if-error=5", 14, true],
    ["max-age=10, stale-if-error=5", 15, false],
    ["max-age=10", 11, false],
    ["max-age=10, stale-if-error=5, must-revalidate", 11, false],
    ["max-age=10, stale-if-error=5, no-cache", 11, false]
  ])("with %s, at the age of %i, after an error: %s", (response, age, mayServeOnError) => {
    expect(decide(response, "", age)).toMatchObject({ _tag: "Revalidate", mayServeOnError })
  })

  it("is not a fresh response after an error, where the client wants another, unless stale-if-error allows it", () => {
    expect(decide("max-age=10", "no-cache", 0)).toMatchObject({ _tag: "Revalidate", mayServeOnError: false })
    expect(decide("max-age=10, stale-if-error=5", "no-cache", 0)).toMatchObject({ mayServeOnError: true })
  })

  it("is never a stale response that must be revalidated, for any directives and age", () => {
    const directives = FastCheck.subarray([
      "max-age=10",
      "s-maxage=10",
      "must-revalidate",
      "proxy-revalidate",
      "no-cache",
      "stale-while-revalidate=100",
      "stale-if-error=100"
    ])
    const requests = FastCheck.subarray(["max-age=100", "max-stale", "min-fresh=1", "no-cache"])
    FastCheck.assert(
      FastCheck.property(directives, requests, FastCheck.nat(200), (response, request, age) => {
        const text = response.join(", ")
        const reuse = decide(text, request.join(", "), age)
        const isStrict = /s-maxage|must-revalidate|proxy-revalidate|no-cache/.test(text)
        if (isStrict && age >= 10) {
          expect(reuse).toMatchObject({ _tag: "Revalidate", mayServeOnError: false })
        }
      })
    )
  })
})
