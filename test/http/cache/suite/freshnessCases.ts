/** Freshness by `Cache-Control`, `Age` and `Expires`, and how these fields are parsed. */
import { both, cacheControl, fresh, make, otherwise, privateOnly, type Suite, sharedOnly, stale } from "./Case.js"

const now = ["Date", 0] as const

const byMaxAge: Suite = {
  name: "cc-freshness",
  cases: [
    stale("freshness-none", []),
    fresh("freshness-max-age", [cacheControl("max-age=3600")]),
    stale("freshness-max-age-stale", [cacheControl("max-age=2"), now]),
    stale("freshness-max-age-0", [cacheControl("max-age=0")]),
    fresh("freshness-max-age-max-minus-1", [cacheControl("max-age=2147483647")]),
    fresh("freshness-max-age-max", [cacheControl("max-age=2147483648")]),
    fresh("freshness-max-age-max-plus-1", [cacheControl("max-age=2147483649")]),
    fresh("freshness-max-age-max-plus", [cacheControl("max-age=99999999999")]),
    stale("freshness-max-age-age", [cacheControl("max-age=3600"), ["Age", "7200"]]),
    stale("freshness-max-age-date", [cacheControl("max-age=3600"), ["Date", -7200]]),
    fresh("freshness-max-age-expires", [cacheControl("max-age=3600"), ["Expires", -7200], now]),
    fresh("freshness-max-age-expires-invalid", [cacheControl("max-age=3600"), ["Expires", "0"], now]),
    stale("freshness-max-age-0-expires", [cacheControl("max-age=0"), ["Expires", 3600], now]),
    fresh("freshness-max-age-extension", [cacheControl("foobar, max-age=3600")]),
    fresh("freshness-max-age-case-insenstive", [cacheControl("MaX-aGe=3600")]),
    stale("freshness-max-age-negative", [cacheControl("max-age=-3600")]),
    stale("freshness-max-age-s-maxage-private", [cacheControl("max-age=1, s-maxage=3600")], privateOnly),
    stale(
      "freshness-max-age-s-maxage-private-multiple",
      [cacheControl("max-age=1"), cacheControl("s-maxage=3600")],
      privateOnly
    ),
    fresh("freshness-s-maxage-shared", [cacheControl("s-maxage=3600")], sharedOnly),
    stale("freshness-max-age-s-maxage-shared-longer", [cacheControl("max-age=3600, s-maxage=1")], sharedOnly),
    stale("freshness-max-age-s-maxage-shared-longer-reversed", [cacheControl("s-maxage=1, max-age=3600")], sharedOnly),
    stale(
      "freshness-max-age-s-maxage-shared-longer-multiple",
      [cacheControl("max-age=3600"), cacheControl("s-maxage=1")],
      sharedOnly
    ),
    fresh("freshness-max-age-s-maxage-shared-shorter", [cacheControl("max-age=1, s-maxage=3600")], sharedOnly),
    fresh(
      "freshness-max-age-s-maxage-shared-shorter-expires",
      [cacheControl("max-age=0, s-maxage=3600"), ["Expires", -10], now],
      sharedOnly
    )
  ]
}

const firstCounts = otherwise("of a repeated directive the first counts, which is the shorter one here")
const invalidIsStale = otherwise("an invalid max-age says nothing that could be relied on: the response is stale")

const parsing: Suite = {
  name: "cc-parse",
  cases: [
    fresh("freshness-max-age-two-fresh-stale-sameline", [cacheControl("max-age=1800, max-age=1")]),
    fresh("freshness-max-age-two-fresh-stale-sepline", [cacheControl("max-age=1800"), cacheControl("max-age=1")]),
    fresh("freshness-max-age-two-stale-fresh-sameline", [cacheControl("max-age=1, max-age=1800")], firstCounts),
    fresh(
      "freshness-max-age-two-stale-fresh-sepline",
      [cacheControl("max-age=1"), cacheControl("max-age=1800")],
      firstCounts
    ),
    fresh("freshness-max-age-quoted", [cacheControl('max-age="3600"')]),
    stale("freshness-max-age-ignore-quoted", [cacheControl('extension="max-age=3600", max-age=1')]),
    stale("freshness-max-age-ignore-quoted-rev", [cacheControl('max-age=1, extension="max-age=3600"')]),
    stale("freshness-max-age-space-before-equals", [cacheControl("max-age =3600")]),
    stale("freshness-max-age-space-after-equals", [cacheControl("max-age= 3600")]),
    fresh("freshness-max-age-leading-zero", [cacheControl("max-age=003600")]),
    stale("freshness-max-age-single-quoted", [cacheControl("max-age='3600'")]),
    fresh("freshness-max-age-decimal-zero", [cacheControl("max-age=3600.0")], invalidIsStale),
    fresh("freshness-max-age-decimal-five", [cacheControl("max-age=3600.5")], invalidIsStale),
    fresh("freshness-max-age-a100", [cacheControl("max-age=a3600")], invalidIsStale),
    fresh("freshness-max-age-100a", [cacheControl("max-age=3600a")], invalidIsStale)
  ]
}

const hour = cacheControl("max-age=3600")
const age = (value: string) => ["Age", value] as const
const parameterIsInvalid = otherwise("an Age with a parameter is no number, and is ignored")

const ages: Suite = {
  name: "age-parse",
  cases: [
    fresh("age-parse-nonnumeric", [now, hour, age("abc")]),
    fresh("age-parse-negative", [now, hour, age("-7200")]),
    fresh("age-parse-float", [now, hour, age("7200.0")]),
    stale("age-parse-large-minus-one", [now, hour, age("2147483647")]),
    stale("age-parse-large", [now, hour, age("2147483648")]),
    stale("age-parse-larger", [now, hour, age("2147483649")]),
    stale("age-parse-suffix", [now, hour, age("7200, 0")]),
    fresh("age-parse-prefix", [now, hour, age("0, 7200")]),
    stale("age-parse-suffix-twoline", [now, hour, age("7200"), age("0")]),
    fresh("age-parse-prefix-twoline", [now, hour, age("0"), age("7200")]),
    fresh("age-parse-dup-0", [now, hour, age("0, 0")]),
    fresh("age-parse-dup-0-twoline", [now, hour, age("0"), age("0")]),
    fresh("age-parse-dup-old", [now, cacheControl("max-age=10000"), age("3600"), age("3600")]),
    stale("age-parse-parameter", [now, hour, age("7200;foo=bar")], parameterIsInvalid),
    stale("age-parse-numeric-parameter", [now, hour, age("7200;foo=111")], parameterIsInvalid)
  ]
}

const byExpires: Suite = {
  name: "expires",
  cases: [
    fresh("freshness-expires-future", [["Expires", 2_592_000], now]),
    stale("freshness-expires-past", [["Expires", -2_592_000], now]),
    make("freshness-expires-present", [{ answer: { headers: [["Expires", 0], now] }, wait: 0 }, { expect: "origin" }]),
    stale("freshness-expires-old-date", [
      ["Expires", 300],
      ["Date", 400]
    ]),
    stale("freshness-expires-invalid", [["Expires", "0"], now]),
    fresh("freshness-expires-invalid-date", [
      ["Date", "foo"],
      ["Expires", 10]
    ]),
    stale("freshness-expires-age-slow-date", [["Date", -10], ["Expires", 10], age("25")]),
    stale("freshness-expires-age-fast-date", [["Date", 10], ["Expires", 20], age("15")])
  ]
}

const expires = (value: string) => [["Expires", value], now] as const

const expiresParsing: Suite = {
  name: "expires-parse",
  cases: [
    fresh("freshness-expires-32bit", expires("Tue, 19 Jan 2038 14:14:08 GMT")),
    fresh("freshness-expires-far-future", expires("Sun, 21 Nov 2286 04:46:39 GMT")),
    fresh("freshness-expires-rfc850", expires("Thursday, 18-Aug-50 02:01:18 GMT")),
    fresh("freshness-expires-ansi-c", expires("Thu Aug  8 02:01:18 2050")),
    fresh("freshness-expires-wrong-case-weekday", expires("THU, 18 Aug 2050 02:01:18 GMT")),
    fresh("freshness-expires-wrong-case-month", expires("Thu, 18 AUG 2050 02:01:18 GMT")),
    fresh("freshness-expires-wrong-case-tz", expires("Thu, 18 Aug 2050 02:01:18 gMT")),
    stale("freshness-expires-invalid-utc", expires("Thu, 18 Aug 2050 02:01:18 UTC")),
    stale("freshness-expires-invalid-aest", expires("Thu, 18 Aug 2050 02:01:18 AEST")),
    stale("freshness-expires-invalid-2-digit-year", expires("Thu, 18 Aug 50 02:01:18 GMT")),
    stale("freshness-expires-invalid-no-comma", expires("Thu 18 Aug 2050 02:01:18 GMT")),
    stale("freshness-expires-invalid-multiple-spaces", expires("Thu, 18  Aug  2050 02:01:18 GMT")),
    stale("freshness-expires-invalid-date-dashes", expires("Thu, 18-Aug-2050 02:01:18 GMT")),
    stale("freshness-expires-invalid-time-periods", expires("Thu, 18 Aug 2050 02.01.18 GMT")),
    stale("freshness-expires-invalid-1-digit-hour", expires("Thu, 18 Aug 2050 2:01:18 GMT")),
    stale("freshness-expires-invalid-multiple-lines", [
      ["Expires", "Thu, 18 Aug 2050 2:01:18 GMT"],
      ["Expires", "Thu, 18 Aug 2050 2:01:19 GMT"],
      now
    ])
  ]
}

const cached = [200, 203, 204, 404, 405, 410, 414, 501]
const notCached = [201, 202, 403, 502, 503, 504, 599]
const modified = ["Last-Modified", -86_400] as const
const tooOld = otherwise("a tenth of the time since the change has passed")

const heuristic: Suite = {
  name: "heuristic",
  cases: [
    ...cached.map((status) =>
      make(`heuristic-${status}-cached`, [
        { answer: { status, headers: [modified, now] } },
        { expect: "cached", status }
      ])
    ),
    ...notCached.map((status) =>
      make(`heuristic-${status}-not_cached`, [
        { answer: { status, headers: [modified, now] } },
        { expect: "origin", answer: { status } }
      ])
    ),
    make("heuristic-599-cached", [
      { answer: { status: 599, headers: [modified, now, cacheControl("public")] } },
      { expect: "cached", status: 599 }
    ]),
    ...[5, 10, 30, 60, 300, 600, 1200, 1800, 3600, 43_200, 86_400].map((delta) =>
      fresh(`heuristic-delta-${delta}`, [["Last-Modified", -delta], now], delta <= 30 ? tooOld : both("passed"))
    )
  ]
}

export const freshnessSuites: ReadonlyArray<Suite> = [byMaxAge, parsing, ages, byExpires, expiresParsing, heuristic]
