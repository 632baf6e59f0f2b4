/** `Vary`, conditional requests, stored and updated fields, invalidation and ranges. */
import { both, cacheControl, type Header, make, otherwise, type Suite, without } from "./Case.js"

const now = ["Date", 0] as const
const day = cacheControl("max-age=100000")
const hour = cacheControl("max-age=3600")
const shortly = [cacheControl("max-age=2"), now, ["Template-A", "1"]] as const

const varied = (fields: string): ReadonlyArray<Header> => [
  cacheControl("max-age=5000"),
  ["Last-Modified", -3000],
  now,
  ["Vary", fields]
]

type Fields = ReadonlyArray<readonly [string, string]>

const select = (id: string, vary: string, first: Fields, second: Fields, expect: "cached" | "origin") =>
  make(id, [
    { send: first, answer: { headers: varied(vary) } },
    { send: second, expect, wait: 0 }
  ])

const [foo, bar, baz] = [["Foo", "1"] as const, ["Bar", "abc"] as const, ["Baz", "789"] as const]
const language = (value: string) => [["Accept-Language", value] as const]

const vary: Suite = {
  name: "vary",
  cases: [
    select("vary-match", "Foo", [foo], [foo], "cached"),
    select("vary-no-match", "Foo", [foo], [["Foo", "2"]], "origin"),
    select("vary-omit-stored", "Foo", [], [foo], "origin"),
    select("vary-omit", "Foo", [foo], [], "origin"),
    make("vary-invalidate", [
      { send: [foo], answer: { headers: varied("Foo"), body: "one" } },
      { send: [["Foo", "2"]], answer: { headers: varied("Foo"), body: "two" }, expect: "origin" },
      { send: [foo], expect: "cached", body: "one" }
    ]),
    select("vary-cache-key", "Foo", [foo, ["Other", "2"]], [foo, ["Other", "3"]], "cached"),
    select("vary-2-match", "Foo, Bar", [foo, bar], [foo, bar], "cached"),
    select("vary-2-no-match", "Foo, Bar", [foo, bar], [["Foo", "2"], bar], "origin"),
    select("vary-2-match-omit", "Foo, Bar", [foo, bar], [], "origin"),
    select("vary-3-match", "Foo, Bar, Baz", [foo, bar, baz], [foo, bar, baz], "cached"),
    select("vary-3-no-match", "Foo, Bar, Baz", [foo, bar, baz], [["Foo", "2"], bar, baz], "origin"),
    select("vary-3-order", "Foo, Bar, Baz", [foo, bar, baz], [foo, baz, ["Bar", "abcde"]], "origin"),
    select("vary-3-omit", "Foo, Bar, Baz", [foo, baz], [foo, baz], "cached"),
    select("vary-star", "*", [foo, baz], [foo, baz], "origin"),
    select("vary-normalise-combine", "Foo", [["Foo", "1, 2"]], [foo, ["Foo", "2"]], "cached"),
    select("vary-normalise-lang-order", "Accept-Language", language("en, de"), language("de, en"), "cached"),
    select("vary-normalise-lang-case", "Accept-Language", language("en, de"), language("eN, De"), "cached"),
    select("vary-normalise-lang-space", "Accept-Language", language("en, de"), language(" en ,   de"), "cached"),
    make(
      "vary-normalise-lang-select",
      [
        { send: language("en, de"), answer: { headers: [...varied("Accept-Language"), ["Content-Language", "de"]] } },
        { send: language("fr;q=0.5, de;q=1.0"), expect: "cached" }
      ],
      otherwise("languages are not negotiated: the origin decides which one fits")
    ),
    select("vary-normalise-space", "Foo", [["Foo", "1,2"]], [["Foo", " 1, 2 "]], "cached")
  ]
}

const stars: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["star", ["*"]],
  ["star-star", ["*, *"]],
  ["star-star-lines", ["*", "*"]],
  ["empty-star", [", *"]],
  ["empty-star-lines", ["", "*"]],
  ["star-foo", ["*, Foo"]],
  ["foo-star", ["Foo, *"]]
]

const varyParsing: Suite = {
  name: "vary-parse",
  cases: stars.map(([name, lines]) =>
    make(`vary-syntax-${name}`, [
      {
        send: [foo, baz],
        answer: { headers: [...varied("").slice(0, 3), ...lines.map((line) => ["Vary", line] as const)] }
      },
      { send: [foo, baz], expect: "origin" }
    ])
  )
}

const changed = ["Last-Modified", "Wed, 31 Dec 2025 00:00:00 GMT"] as const
const since = (value: string | number) => [["If-Modified-Since", value] as const]

const notModified = (id: string, headers: ReadonlyArray<Header>, send: ReadonlyArray<Header>, has: Fields = []) =>
  make(id, [{ answer: { headers } }, { send, expect: "cached", status: 304, has }])

const conditionalByDate: Suite = {
  name: "conditional-lm",
  cases: [
    notModified("conditional-lm-fresh", [day, now, changed], since("Wed, 31 Dec 2025 00:00:00 GMT")),
    notModified("conditional-lm-fresh-earlier", [day, now, changed], since("Wed, 31 Dec 2025 01:00:00 GMT")),
    make("conditional-lm-stale", [
      { answer: { headers: [...shortly, changed] } },
      { send: since("Wed, 31 Dec 2025 00:00:00 GMT"), expect: "modified", status: 304 }
    ]),
    notModified("conditional-lm-fresh-no-lm", [day, ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"]], since(0)),
    notModified("conditional-lm-fresh-rfc850", [day, now, changed], since("Wednesday, 31-Dec-25 00:00:00 GMT"))
  ]
}

const etag = (value: string): Header => ["ETag", value]
const match = (value: string) => [["If-None-Match", value] as const]
const byTag = (id: string, tag: string, sent: string) => notModified(id, [day, now, etag(tag)], match(sent))

const byTagSuite: Suite = {
  name: "conditional-inm",
  cases: [
    byTag("conditional-etag-strong-respond", '"abcdef"', '"abcdef"'),
    notModified("conditional-304-etag", [day, now, etag('"abcdef"')], match('"abcdef"'), [["ETag", '"abcdef"']]),
    notModified(
      "conditional-etag-precedence",
      [day, now, ["Last-Modified", -5000], etag('"abcdef"')],
      [...match('"abcdef"'), ["If-Modified-Since", -10_000]]
    ),
    byTag("conditional-etag-strong-respond-obs-text", '"abcdef\u00fc"', '"abcdef\u00fc"'),
    byTag("conditional-etag-quoted-respond-unquoted", '"abcdef"', "abcdef"),
    byTag("conditional-etag-unquoted-respond-unquoted", "abcdef", "abcdef"),
    byTag("conditional-etag-unquoted-respond-quoted", "abcdef", '"abcdef"'),
    byTag("conditional-etag-weak-respond", 'W/"abcdef"', 'W/"abcdef"'),
    byTag("conditional-etag-weak-respond-lowercase", 'w/"abcdef"', 'w/"abcdef"'),
    byTag("conditional-etag-weak-respond-backslash", 'W\\"abcdef"', 'W\\"abcdef"'),
    byTag("conditional-etag-weak-respond-omit-slash", 'W"abcdef"', 'W"abcdef"'),
    byTag("conditional-etag-strong-respond-multiple-first", '"abcdef"', '"abcdef", "1234", "5678"'),
    byTag("conditional-etag-strong-respond-multiple-second", '"abcdef"', '"1234", "abcdef", "5678"'),
    byTag("conditional-etag-strong-respond-multiple-last", '"abcdef"', '"1234", "5678", "abcdef"'),
    make("conditional-etag-vary-headers", [
      { send: [["Abc", "123"]], answer: { headers: [["Expires", 1], etag('"abcdef"'), now, ["Vary", "Abc"]] } },
      { send: [["Abc", "123"]], expect: "etag", forwards: [["abc", "123"]] }
    ]),
    make(
      "conditional-etag-vary-headers-mismatch",
      [
        { send: [["Abc", "123"]], answer: { headers: [["Expires", 10_000], etag('"abcdef"'), now, ["Vary", "Abc"]] } },
        { send: [["Abc", "456"]], forwards: [["if-none-match", '"abcdef"']], answer: { status: 200 } }
      ],
      otherwise("a request of another variant asks for that variant, without the validators of others")
    ),
    make("conditional-etag-strong-generate", [
      { answer: { headers: [...shortly, etag('"abcdef"')] } },
      { expect: "etag", forwards: [["if-none-match", '"abcdef"']] }
    ]),
    make("conditional-etag-weak-generate-weak", [
      { answer: { headers: [...shortly, etag('W/"abcdef"')] } },
      { expect: "etag", forwards: [["if-none-match", 'W/"abcdef"']] }
    ]),
    make(
      "conditional-etag-strong-generate-unquoted",
      [
        { answer: { headers: [...shortly, etag("abcdef")] } },
        { expect: "etag", forwards: [["if-none-match", '"abcdef"']] }
      ],
      otherwise("a tag is sent back as its origin wrote it")
    ),
    make(
      "conditional-etag-forward",
      [{ send: match('"abcdef"'), forwards: [["if-none-match", '"abcdef"']] }],
      otherwise(
        "the origin is asked for the whole response, which is stored; the client still gets a 304 where it has it"
      )
    ),
    make(
      "conditional-etag-forward-unquoted",
      [{ send: match("abcdef"), forwards: [["if-none-match", '"abcdef"']] }],
      otherwise("the origin is asked for the whole response, which is stored")
    )
  ]
}

const storedFields = [
  ["Test-Header", "abc"],
  ["X-Test-Header", "abc"],
  ["Content-Foo", "abc"],
  ["X-Content-Foo", "abc"],
  ["Content-Encoding", "abc"],
  ["Content-Location", "/foo"],
  ["Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A=="],
  ["Content-Range", "abc"],
  ["Content-Security-Policy", "default-src 'self'"],
  ["Content-Type", "text/plain"],
  ["Clear-Site-Data", "cookies"],
  ["ETag", '"abcdef"'],
  ["Expires", "Fri, 01 Jan 2038 01:01:01 GMT"],
  ["Public-Key-Pins", "abc"],
  ["Set-Cookie", "a=c"],
  ["Set-Cookie2", "a=c"],
  ["X-Frame-Options", "deny"],
  ["X-XSS-Protection", "1"]
] as const

const connectionFields = [
  "Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authentication-Info",
  "Proxy-Authorization",
  "Proxy-Connection",
  "TE",
  "Transfer-Encoding",
  "Upgrade"
]

const fields: Suite = {
  name: "headers",
  cases: [
    make("headers-omit-headers-listed-in-Connection", [
      { answer: { headers: [day, now, ["Connection", "a, b"], ["a", "1"], ["b", "2"], ["c", "3"]] } },
      { expect: "cached", has: [["c", "3"]], lacks: ["a", "b"] }
    ]),
    make("headers-store-Cache-Control", [{ answer: { headers: [now, hour] } }, { expect: "cached", has: [hour] }]),
    make("headers-store-Content-Length", [
      { answer: { headers: [now, ["Content-Length", "10"], hour], body: "0123456789" } },
      { expect: "cached", has: [["Content-Length", "10"]] }
    ]),
    ...storedFields.map((field) =>
      make(`headers-store-${field[0]}`, [
        { answer: { headers: [now, field, hour] } },
        { expect: "cached", has: [field] }
      ])
    ),
    ...connectionFields.map((name) =>
      make(`headers-store-${name}`, [
        { answer: { headers: [now, [name, "abc"], hour] } },
        { expect: "cached", lacks: [name] }
      ])
    )
  ]
}

const ofContent = otherwise("the field describes the stored content, which a 304 does not carry")

const updates = (name: string, one: string, other: string, verdicts = both("passed")) => {
  const validator = name === "ETag" ? [] : [etag('"tag"')]
  const values = name === "Cache-Control" ? [] : [cacheControl("max-age=2")]
  return make(
    `304-etag-update-response-${name}`,
    [
      { answer: { headers: [now, [name, one], ...values, ...validator] } },
      {
        answer: { headers: [now, [name, other], ...values, ...validator] },
        expect: "etag",
        has: [[name, other]],
        wait: 0
      },
      { expect: "cached", has: [[name, other]] }
    ],
    verdicts
  )
}

const unusual = new Set(["Content-Encoding", "Content-Range", "Content-Type"])

const updated: Suite = {
  name: "update304",
  cases: [
    make("304-lm-use-stored-Test-Header", [
      { answer: { headers: [cacheControl("max-age=2"), changed, now, ["Test-Header", "abc"]] } },
      { answer: { headers: [changed, now] }, expect: "modified", has: [["Test-Header", "abc"]] }
    ]),
    updates("Cache-Control", "max-age=1", "max-age=3600"),
    make("304-etag-update-response-Content-Length", [
      {
        answer: {
          headers: [now, ["Content-Length", "10"], cacheControl("max-age=2"), etag('"tag"')],
          body: "0123456789"
        }
      },
      {
        answer: { headers: [now, ["Content-Length", "36"], cacheControl("max-age=2"), etag('"tag"')] },
        expect: "etag",
        has: [["Content-Length", "10"]],
        wait: 0
      },
      { expect: "cached", has: [["Content-Length", "10"]] }
    ]),
    ...storedFields.map(([name, value]) =>
      updates(
        name,
        value,
        name === "Expires" ? "Mon, 11 Jan 2038 11:11:11 GMT" : name === "ETag" ? '"ghijkl"' : `${value}d`,
        unusual.has(name) ? ofContent : both("passed")
      )
    )
  ]
}

const headIsLooked = otherwise("a HEAD reads stored responses, and changes none")

const head: Suite = {
  name: "updateHEAD",
  cases: [
    make("head-writethrough", [{ answer: { headers: shortly } }, { method: "HEAD", expect: "origin" }]),
    make(
      "head-200-retain",
      [{ answer: { headers: shortly } }, { method: "HEAD", expect: "origin", has: [["Template-A", "1"]] }],
      headIsLooked
    ),
    make(
      "head-200-freshness-update",
      [
        { answer: { headers: shortly } },
        { method: "HEAD", answer: { headers: [cacheControl("max-age=1000")] } },
        { expect: "cached" }
      ],
      headIsLooked
    ),
    ...["head-200-update", "head-410-update"].map((id, i) =>
      make(
        id,
        [
          { answer: { headers: shortly } },
          {
            method: "HEAD",
            answer: { status: i === 0 ? 200 : 410, headers: [["Template-A", "2"], cacheControl("max-age=1000")] }
          },
          { expect: "cached" }
        ],
        headIsLooked
      )
    )
  ]
}

const unsafe = ["POST", "PUT", "DELETE", "M-SEARCH"]
const noMSearch = both({ notApplicable: "@effect/platform has no method M-SEARCH" })
const ofMethod = (method: string) => (method === "M-SEARCH" ? noMSearch : both("passed"))

const invalidation: Suite = {
  name: "invalidation",
  cases: unsafe.flatMap((method) => [
    make(
      `invalidate-${method}`,
      [{ answer: { headers: [day, now] } }, { method }, { expect: "origin" }],
      ofMethod(method)
    ),
    make(
      `invalidate-${method}-failed`,
      [{ answer: { headers: [day, now] } }, { method, answer: { status: 500 } }, { expect: "cached" }],
      ofMethod(method)
    ),
    ...[
      ["location", "Location"],
      ["cl", "Content-Location"]
    ].map(([suffix, name = ""]) =>
      make(
        `invalidate-${method}-${suffix}`,
        [
          { path: "/target", answer: { headers: [day, now] } },
          { method, answer: { headers: [[name, "http://localhost/target"]] } },
          { path: "/target", expect: "origin" }
        ],
        ofMethod(method)
      )
    )
  ])
}

const ranges: Suite = {
  name: "partial",
  cases: [
    "partial-store-partial-reuse-partial",
    "partial-store-complete-reuse-partial",
    "partial-store-complete-reuse-partial-no-last",
    "partial-store-complete-reuse-partial-suffix",
    "partial-store-partial-reuse-partial-byterange",
    "partial-store-partial-reuse-partial-absent",
    "partial-store-partial-reuse-partial-suffix",
    "partial-store-partial-complete",
    "partial-use-headers",
    "partial-use-stored-headers"
  ].map((id) => without(id, { passedBy: "a request for a range goes to the origin, and its response is not stored" }))
}

export const selectionSuites: ReadonlyArray<Suite> = [
  vary,
  varyParsing,
  conditionalByDate,
  byTagSuite,
  fields,
  updated,
  head,
  invalidation,
  ranges
]
