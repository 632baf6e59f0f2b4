/** Directives of responses and requests, stale responses, statuses, authentication, and what a cache sends on. */
import {
  both,
  cacheControl,
  fresh,
  make,
  otherwise,
  privateOnly,
  type Suite,
  sharedOnly,
  stale,
  without
} from "./Case.js"

const now = ["Date", 0] as const
const hour = cacheControl("max-age=3600")
const day = cacheControl("max-age=100000")
const shortly = [cacheControl("max-age=2"), now, ["Template-A", "1"]] as const
const tag = ["ETag", '"abcd"'] as const

const responses: Suite = {
  name: "cc-response",
  cases: [
    stale("cc-resp-private-shared", [cacheControl("private, max-age=3600")], sharedOnly),
    fresh("cc-resp-private-private", [cacheControl("private, max-age=3600")], privateOnly),
    stale("cc-resp-no-store", [cacheControl("no-store")]),
    stale("cc-resp-no-store-case-insensitive", [cacheControl("No-StOrE")]),
    stale("cc-resp-no-store-fresh", [cacheControl("max-age=10000, no-store"), ["Expires", 10_000], now]),
    ...["no-store", "no-store, max-age=0"].map((newer, i) =>
      make(i === 0 ? "cc-resp-no-store-old-new" : "cc-resp-no-store-old-max-age", [
        { answer: { headers: [cacheControl("max-age=10000"), ["Expires", 10_000], now, ["A", "1"]] } },
        { answer: { headers: [cacheControl(newer), now, ["A", "2"]] } },
        { expect: "cached", has: [["A", "1"]] }
      ])
    ),
    stale("cc-resp-no-cache", [cacheControl("max-age=10000, no-cache"), ["Expires", 10_000], now]),
    stale("cc-resp-no-cache-case-insensitive", [cacheControl("max-age=10000, No-CaChE"), ["Expires", 10_000], now]),
    make("cc-resp-no-cache-revalidate", [{ answer: { headers: [cacheControl("no-cache"), tag] } }, { expect: "etag" }]),
    make("cc-resp-no-cache-revalidate-fresh", [
      { answer: { headers: [cacheControl("max-age=10000, no-cache"), ["Expires", 10_000], now, tag] } },
      { expect: "etag" }
    ]),
    make("headers-omit-headers-listed-in-Cache-Control-no-cache-single", [
      { answer: { headers: [cacheControl('no-cache="a"'), ["a", "1"], ["b", "2"], hour, now] } },
      { expect: "cached", has: [["b", "2"]], lacks: ["a"] }
    ]),
    make("headers-omit-headers-listed-in-Cache-Control-no-cache", [
      { answer: { headers: [cacheControl('no-cache="a, b"'), ["a", "1"], ["b", "2"], ["c", "3"], hour, now] } },
      { expect: "cached", has: [["c", "3"]], lacks: ["a", "b"] }
    ]),
    fresh("cc-resp-must-revalidate-fresh", [cacheControl("max-age=10000, must-revalidate"), tag]),
    make("cc-resp-must-revalidate-stale", [
      { answer: { headers: [cacheControl("max-age=2, must-revalidate"), tag] }, wait: 0 },
      { expect: "cached" },
      { expect: "etag" }
    ]),
    without("cc-resp-immutable-fresh", { notApplicable: "it is about a reload by a browser" }),
    without("cc-resp-immutable-stale", { notApplicable: "it is about a reload by a browser" })
  ]
}

const warning = both({ notApplicable: "RFC 9111 has no Warning any more; Cache-Status says what the field said" })
const onlyIfAllowed = otherwise("a stale response is served after an error only where stale-if-error allows it")

const strict = (id: string, directives: string) =>
  make(id, [{ answer: { headers: [cacheControl(directives)] } }, { answer: "close", expect: "origin", status: 500 }], {
    isShared: true
  })

const staleness: Suite = {
  name: "stale",
  cases: [
    make("stale-close", [{ answer: { headers: shortly } }, { answer: "close", status: 200 }], onlyIfAllowed),
    make("stale-503", [{ answer: { headers: shortly } }, { answer: { status: 503 }, status: 200 }], onlyIfAllowed),
    // the revalidation asks the origin too, which answers after the client has its response
    make("stale-while-revalidate", [
      { answer: { headers: [cacheControl("max-age=1, stale-while-revalidate=3600"), ["ETag", '"abc"']], body: "one" } },
      { answer: { body: "two" }, body: "one", olderThan: 2 }
    ]),
    make("stale-while-revalidate-window", [
      { answer: { headers: [cacheControl("max-age=1, stale-while-revalidate=4"), ["ETag", '"abc"']] }, wait: 6 },
      { expect: "etag" }
    ]),
    make("stale-sie-close", [
      { answer: { headers: [cacheControl("max-age=2, stale-if-error=60")] } },
      { answer: "close", status: 200, body: "stale-sie-close" }
    ]),
    make("stale-sie-503", [
      { answer: { headers: [cacheControl("max-age=2, stale-if-error=60")] } },
      { answer: { status: 503 }, status: 200, body: "stale-sie-503" }
    ]),
    strict("stale-close-must-revalidate", "max-age=2, must-revalidate"),
    strict("stale-close-proxy-revalidate", "max-age=2, proxy-revalidate"),
    strict("stale-close-no-cache", "max-age=2, no-cache"),
    strict("stale-close-s-maxage=2", "max-age=2, s-maxage=2"),
    make("stale-warning-stored", [], warning),
    make("stale-warning-become", [], warning)
  ]
}

const statuses = [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599]

const byStatus: Suite = {
  name: "status",
  cases: [
    ...statuses.flatMap((status) => [
      make(`status-${status}-fresh`, [{ answer: { status, headers: [day, now] } }, { expect: "cached", status }]),
      make(`status-${status}-stale`, [
        { answer: { status, headers: [["Expires", -5000], ["Last-Modified", -100_000], now] } },
        { expect: "origin", answer: { status: 200 }, status: 200 }
      ])
    ]),
    make("status-599-must-understand", [
      { answer: { status: 599, headers: [cacheControl("max-age=3600, no-store, must-understand")] } },
      { expect: "origin", answer: { status: 200 } }
    ]),
    fresh("status-200-must-understand", [cacheControl("max-age=3600, no-store, must-understand")])
  ]
}

const asked = (
  id: string,
  stored: Parameters<typeof fresh>[1],
  request: string,
  expect: "cached" | "etag" | "modified" | "origin"
) => make(id, [{ answer: { headers: stored } }, { send: [cacheControl(request)], expect }])

const requests: Suite = {
  name: "cc-request",
  cases: [
    asked("ccreq-ma0", [day, now], "max-age=0", "origin"),
    asked("ccreq-ma1", [day, now], "max-age=1", "origin"),
    asked("ccreq-magreaterage", [day, now, ["Age", "1800"]], "max-age=600", "origin"),
    asked("ccreq-max-stale", shortly, "max-stale=1000", "cached"),
    asked("ccreq-max-stale-age", [cacheControl("max-age=1500"), ["Age", "2000"]], "max-stale=1000", "cached"),
    asked("ccreq-min-fresh", [cacheControl("max-age=1500")], "min-fresh=2000", "origin"),
    asked("ccreq-min-fresh-age", [cacheControl("max-age=1500"), ["Age", "1000"]], "min-fresh=1000", "origin"),
    asked("ccreq-no-cache", [hour], "no-cache", "origin"),
    asked("ccreq-no-cache-lm", [hour, ["Last-Modified", -10_000], now], "no-cache", "modified"),
    asked("ccreq-no-cache-etag", [hour, tag], "no-cache", "etag"),
    asked("ccreq-no-store", [day, now], "no-store", "origin"),
    make("ccreq-oic", [{ send: [cacheControl("only-if-cached")], status: 504, expect: "cached" }])
  ]
}

const pragma: Suite = {
  name: "pragma",
  cases: [
    make(
      "pragma-request-no-cache",
      [{ answer: { headers: [day, now] } }, { send: [["Pragma", "no-cache"]], expect: "cached" }],
      otherwise("Pragma: no-cache counts as Cache-Control: no-cache where a request has no Cache-Control")
    ),
    make("pragma-request-extension", [
      { answer: { headers: [day, now] } },
      { send: [["Pragma", "unrecognised-extension"]], expect: "cached" }
    ]),
    fresh("pragma-response-no-cache", [hour, ["Pragma", "no-cache"]]),
    fresh("pragma-response-no-cache-heuristic", [now, ["Last-Modified", -10_000], ["Pragma", "no-cache"]]),
    fresh("pragma-response-extension", [hour, ["Pragma", "unrecognised-extension"]])
  ]
}

const authorized = (id: string, directives: string, expect: "cached" | "origin") =>
  make(
    id,
    [
      {
        send: [["Authorization", "FOO"]],
        forwards: [["authorization", "FOO"]],
        answer: { headers: [cacheControl(directives), now] }
      },
      { expect }
    ],
    sharedOnly
  )

const authentication: Suite = {
  name: "auth",
  cases: [
    authorized("other-authorization", "max-age=100000", "origin"),
    authorized("other-authorization-public", "max-age=3600, public", "cached"),
    authorized("other-authorization-must-revalidate", "max-age=3600, must-revalidate", "cached"),
    authorized("other-authorization-smaxage", "s-maxage=3600", "cached")
  ]
}

const inAYear = ["Expires", "Fri, 01 Jan 2038 01:01:01 GMT"] as const
const dated = ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"] as const

const other: Suite = {
  name: "other",
  cases: [
    make("other-age-gen", [{ answer: { headers: [day, now] } }, { expect: "cached", olderThan: 2 }]),
    make(
      "other-age-delay",
      [{ answer: { headers: [hour, now] }, olderThan: 0 }],
      otherwise("a response that no cache has kept gets no Age: its delay is the time of this exchange")
    ),
    make("other-age-update-expires", [
      { answer: { headers: [["Expires", 2_592_000], now, ["Age", "30"]] } },
      { expect: "cached", olderThan: 32 }
    ]),
    make("other-age-update-max-age", [
      { answer: { headers: [day, now, ["Age", "30"]] } },
      { expect: "cached", olderThan: 32 }
    ]),
    make("other-date-update", [{ answer: { headers: [day, dated] } }, { expect: "cached", has: [dated] }]),
    make("other-date-update-expires", [{ answer: { headers: [inAYear, dated] } }, { expect: "cached", has: [dated] }]),
    make("other-date-update-expires-update", [
      { answer: { headers: [inAYear, dated] } },
      { expect: "cached", has: [inAYear] }
    ]),
    make("query-args-different", [
      { path: "/case?test=a", answer: { headers: [day, now] } },
      { path: "/case?test=b", expect: "origin" }
    ]),
    make("query-args-same", [
      { path: "/case?test=a", answer: { headers: [day, now] } },
      { path: "/case?test=a", expect: "cached" }
    ]),
    fresh("other-heuristic-content-disposition-attachment", [
      ["Last-Modified", -100_000],
      now,
      ["Content-Disposition", "attachment; filename=example.txt"]
    ]),
    fresh("other-fresh-content-disposition-attachment", [
      day,
      now,
      ["Content-Disposition", "attachment; filename=example.txt"]
    ]),
    fresh("other-set-cookie", [day, now, ["Set-Cookie", "a=b"]]),
    make(
      "other-cookie",
      [{ answer: { headers: [day, now] } }, { send: [["Cookie", "a=b"]], expect: "cached" }],
      // a private cache keeps the responses of each cookie apart
      sharedOnly
    )
  ]
}

const cdn = [
  "max-age",
  "max-age-max",
  "max-age-max-plus",
  "max-age-age",
  "max-age-space-before-equals",
  "max-age-space-after-equals",
  "max-age-0",
  "max-age-extension",
  "max-age-case-insensitive",
  "max-age-expires",
  "max-age-cc-max-age-invalid-expires",
  "max-age-0-expires",
  "max-age-short-cc-max-age",
  "max-age-long-cc-max-age",
  "private",
  "no-cache",
  "no-store-cc-fresh",
  "fresh-cc-nostore",
  "cc-invalid-sh-type-unknown",
  "cc-invalid-sh-type-wrong",
  "remove-header",
  "remove-age-exceed",
  "date-update-exceed",
  "expires-update-exceed"
]

const targeted: Suite = {
  name: "cdn-cache-control",
  cases: cdn.map((name) => without(`cdn-${name}`, { notApplicable: "the field is for CDNs, and neither cache is one" }))
}

const interim: Suite = {
  name: "interim",
  cases: ["interim-102", "interim-103", "interim-not-cached", "interim-no-header-reuse"].map((id) =>
    without(id, { notApplicable: "neither a handler nor a client of @effect/platform has interim responses" })
  )
}

const methods: Suite = {
  name: "method",
  cases: [without("method-POST", { passedBy: "a POST is never stored: its content is in no key" })]
}

export const directiveSuites: ReadonlyArray<Suite> = [
  responses,
  staleness,
  methods,
  byStatus,
  requests,
  pragma,
  authentication,
  other,
  targeted,
  interim
]
