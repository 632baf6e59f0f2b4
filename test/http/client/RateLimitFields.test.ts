import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as RateLimitFields from "../../../src/http/client/RateLimitFields.js"

const bounds = { longestMillis: 3_600_000, largestQuota: 1_000_000 }
const now = Date.UTC(2026, 10, 25, 12, 0, 0)
const read = (fields: Record<string, string>) => RateLimitFields.read(fields, now, bounds)

const one = { name: "default", quota: 100, remaining: 5, resetMillis: 30_000, windowMillis: 0 }

describe("the limits of a response", () => {
  it("are read from RateLimit and RateLimit-Policy, for each policy", () => {
    const fields = {
      "ratelimit-policy": '"burst";q=100;w=60, "da,ily";q=1000;w=3600;pk=:cHsdsRa894==:',
      ratelimit: '"burst";r=5;t=30,"da,ily";r=0'
    }
    expect(read(fields).policies).toEqual([
      { name: "burst", quota: 100, remaining: 5, resetMillis: 30_000, windowMillis: 60_000 },
      { name: "da%2Cily", quota: 1_000, remaining: 0, resetMillis: 3_600_000, windowMillis: 3_600_000 }
    ])
  })

  it.each([
    ["draft 7", { ratelimit: "limit=100, remaining=5, reset=30" }, one],
    [
      "draft 6",
      { "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "5", "ratelimit-reset": "30" },
      { ...one, windowMillis: 60_000 }
    ],
    ["seconds", { "x-ratelimit-limit": "100", "x-ratelimit-remaining": "5", "x-ratelimit-reset": "30" }, one],
    [
      "a time in seconds",
      { "x-ratelimit-limit": "100", "x-ratelimit-remaining": "5", "x-ratelimit-reset": `${now / 1_000 + 30}` },
      one
    ],
    [
      "a time in milliseconds",
      { "x-rate-limit-limit": "100", "x-rate-limit-remaining": "5", "x-rate-limit-reset": `${now + 30_000}` },
      one
    ]
  ])("are read from the fields that are older, with %s", (_, fields, expected) => {
    expect(read(fields).policies).toEqual([expected])
  })

  it.each([
    ["120", 120_000],
    ["Wed, 25 Nov 2026 12:02:00 GMT", 120_000],
    ["Wednesday, 25-Nov-26 12:02:00 GMT", 120_000],
    ["Wed, 25 Nov 2026 11:00:00 GMT", 0],
    ["999999999", 3_600_000],
    ["Sun, 25 Nov 2096 12:02:00 GMT", 3_600_000],
    ["soon", undefined],
    ["-5", undefined],
    ["1e9", undefined],
    ["", undefined]
  ])("ask to wait, by Retry-After %j", (text, expected) => {
    expect(read({ "retry-after": text }).retryMillis).toBe(expected)
  })

  it("are read by the clock of the server where it tells its time", () => {
    const date = "Wed, 25 Nov 2026 15:00:00 GMT"
    expect(read({ date, "retry-after": "Wed, 25 Nov 2026 15:02:00 GMT" }).retryMillis).toBe(120_000)
    const fields = { date, "x-ratelimit-remaining": "5", "x-ratelimit-reset": `${now / 1_000 + 3 * 3_600 + 30}` }
    expect(read(fields).policies).toMatchObject([{ resetMillis: 30_000 }])
  })

  it("are none where a server says what cannot be", () => {
    const hostile = [
      '"a";r=-1;t=5',
      '"a";r=5;t=-5',
      '"a";r=5',
      '"a";r=99999999999999999999;t=5',
      '"a";r=2000000;t=5',
      '"a";r=NaN;t=Infinity',
      `"a";r=5;t=5${" ".repeat(3_000)}`,
      "limit=1, remaining=x, reset=5"
    ]
    for (const ratelimit of hostile) expect([ratelimit, read({ ratelimit }).policies]).toEqual([ratelimit, []])
    expect(read({ ratelimit: '"a";r=0;t=999999999' }).policies).toMatchObject([{ resetMillis: 3_600_000 }])
    const many = Array.from({ length: 50 }, (_, i) => `"${i}";r=1;t=1`).join(",")
    expect(read({ ratelimit: many }).policies.length).toBe(8)
  })

  it("stay within their bounds, and their names are safe, whatever a server says", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^("[ab|\\ ]*";?([rtqw]=[0-9]{0,20};?){0,4},?){0,3}$/))
    fc.assert(
      fc.property(text, text, text, (ratelimit, policy, retry) => {
        const limits = read({
          ratelimit,
          "ratelimit-policy": policy,
          "x-ratelimit-remaining": policy,
          "retry-after": retry
        })
        for (const { name, quota, remaining, resetMillis, windowMillis } of limits.policies) {
          expect(name).toMatch(/^[^ |]+$/)
          for (const count of [quota, remaining]) expect(count >= 0 && count <= bounds.largestQuota).toBe(true)
          expect(resetMillis > 0 && resetMillis <= bounds.longestMillis).toBe(true)
          expect(windowMillis >= 0 && windowMillis <= bounds.longestMillis).toBe(true)
        }
        expect((limits.retryMillis ?? 0) <= bounds.longestMillis).toBe(true)
      })
    )
  })
})
