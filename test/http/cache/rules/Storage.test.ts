import { describe, expect, it } from "@effect/vitest"
import type * as FieldList from "../../../../src/http/cache/rules/FieldList.js"
import * as Freshness from "../../../../src/http/cache/rules/Freshness.js"
import * as Storage from "../../../../src/http/cache/rules/Storage.js"

const now = Date.UTC(2026, 0, 1)

interface Exchange {
  readonly status?: number
  readonly request?: FieldList.Fields
  readonly setsCookie?: boolean
  readonly isShared?: boolean
  readonly validatorSuffices?: boolean
  readonly setCookie?: boolean
}

const refusal = (fields: FieldList.Fields, exchange: Exchange = {}) => {
  const {
    isShared = true,
    request = {},
    setCookie = false,
    setsCookie = false,
    status = 200,
    validatorSuffices = false
  } = exchange
  const options = { isShared, heuristic: undefined, staleWhileRevalidate: 0, staleIfError: 0 }
  const freshness = Freshness.make({ status, fields }, now, options)
  return Storage.refusal(request, { status, fields, setsCookie }, freshness, { isShared, setCookie, validatorSuffices })
}

const fresh = { "cache-control": "max-age=60" }

describe("a response is stored", () => {
  it.each<[string, FieldList.Fields, Exchange]>([
    ["with explicit freshness", fresh, {}],
    ["with explicit freshness, whatever its status", fresh, { status: 599 }],
    ["with a validator that is used on each request", { "cache-control": "no-cache", etag: '"a"' }, {}],
    ["with a validator alone, where that suffices", { etag: '"a"' }, { validatorSuffices: true }],
    ["with private in a private cache", { "cache-control": "private, max-age=1" }, { isShared: false }],
    ["with Authorization and public", { "cache-control": "public, max-age=1" }, { request: { authorization: "x" } }],
    ["with Authorization and s-maxage", { "cache-control": "s-maxage=1" }, { request: { authorization: "x" } }],
    ["with Authorization in a private cache", fresh, { request: { authorization: "x" }, isShared: false }],
    ["with a status that must-understand means", { "cache-control": "no-store, must-understand, max-age=1" }, {}],
    ["with cookies, where that is declared", fresh, { setsCookie: true, setCookie: true }]
  ])("%s", (_, fields, exchange) => {
    expect(refusal(fields, exchange)).toBeUndefined()
  })
})

describe("a response is not stored", () => {
  it.each<[string, FieldList.Fields, Exchange, Storage.Refusal]>([
    ["with no-store", { "cache-control": "no-store, max-age=60" }, {}, "no-store"],
    ["with private in a shared cache", { "cache-control": "private, max-age=60" }, {}, "private"],
    ["with Authorization", fresh, { request: { authorization: "x" } }, "authorization"],
    ["with cookies", fresh, { setsCookie: true }, "set-cookie"],
    ["with Vary: *", { ...fresh, vary: "accept, *" }, {}, "vary"],
    ["as a part", fresh, { status: 206 }, "status"],
    ["as a 304", fresh, { status: 304 }, "status"],
    ["as an interim response", fresh, { status: 103 }, "status"],
    ["without freshness", {}, {}, "no-freshness"],
    ["with max-age=0 and no validator", { "cache-control": "max-age=0" }, {}, "no-freshness"],
    ["with a validator alone", { etag: '"a"' }, {}, "no-freshness"],
    ["with an unknown status", { "cache-control": "no-store, must-understand" }, { status: 599 }, "no-store"]
  ])("%s", (_, fields, exchange, expected) => {
    expect(refusal(fields, exchange)).toBe(expected)
  })
})

describe("the fields of a stored response", () => {
  it("are without those of the connection, and those that the response itself takes out", () => {
    const fields = {
      "cache-control": 'no-cache="a", private="b", max-age=1',
      connection: "c",
      "transfer-encoding": "chunked",
      "set-cookie": "session=1",
      a: "1",
      b: "2",
      c: "3",
      d: "4"
    }
    const { "cache-control": cacheControl } = fields
    expect(Storage.storedFields(fields, true)).toEqual({ "cache-control": cacheControl, d: "4" })
    expect(Storage.storedFields(fields, false)).toEqual({ "cache-control": cacheControl, b: "2", d: "4" })
  })
})
