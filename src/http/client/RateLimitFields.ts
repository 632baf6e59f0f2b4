/**
 * Reads what a response says of the limits of its API: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10),
 * their forms of earlier drafts, `X-RateLimit-*`, and `Retry-After` (RFC 9110).
 *
 * A server may send anything. What is no number, or beyond its bounds, is as if it was not there, and times are cut to the longest one.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Policy } from "../../coordination/remote/RemoteScripts.js"
import * as FieldList from "../cache/rules/FieldList.js"
import * as HttpDate from "../cache/rules/HttpDate.js"

/**
 * How much of what a server says is believed.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bounds {
  readonly longestMillis: number
  readonly largestQuota: number
}

/** A field that is longer is ignored. */
const longestField = 2_048
const mostPolicies = 8
const longestName = 64

const digits = Schema.String.pipe(Schema.pattern(/^\d{1,15}$/))
const Count = Schema.compose(digits, Schema.NumberFromString)
const decodeCount = Schema.decodeUnknownOption(Count)

const countOf = (text: string | undefined): number | undefined => Option.getOrUndefined(decodeCount(text?.trim()))

/** The parameters of a member of a list: `"name";r=5;t=30`. Earlier drafts wrote `limit=100, remaining=5, reset=30`. */
const parametersOf = (member: string): ReadonlyMap<string, string> =>
  new Map(
    Array.from(member.matchAll(/;\s*([a-z*][a-z0-9_.*-]*)\s*=\s*([^;]*)/gi), ([, name = "", value = ""]) => [
      name.toLowerCase(),
      value.trim()
    ])
  )

const nameOf = (member: string): string => {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(member)?.[1]
  const name = (quoted ?? member.split(";")[0] ?? "").trim()
  return encodeURIComponent(name.toWellFormed().slice(0, longestName)) || "default"
}

interface Told {
  name: string
  quota?: number | undefined
  remaining?: number | undefined
  resetMillis?: number | undefined
  windowMillis?: number | undefined
}

const seconds = (text: string | undefined): number | undefined => {
  const count = countOf(text)
  return count === undefined ? undefined : count * 1_000
}

/** The policies of the current draft: quotas and windows of one field, what is left of the other. */
const ofDraft = (field: (name: string) => string | undefined): ReadonlyArray<Told> => {
  const policies = FieldList.split(field("ratelimit-policy")).map((member) => {
    const parameters = parametersOf(member)
    return { name: nameOf(member), quota: countOf(parameters.get("q")), windowMillis: seconds(parameters.get("w")) }
  })
  return FieldList.split(field("ratelimit")).flatMap((member): ReadonlyArray<Told> => {
    const parameters = parametersOf(member)
    const name = nameOf(member)
    const policy = policies.find((other) => other.name === name)
    const remaining = countOf(parameters.get("r"))
    if (remaining === undefined) return []
    return [
      {
        name,
        quota: policy?.quota,
        windowMillis: policy?.windowMillis,
        remaining,
        resetMillis: seconds(parameters.get("t"))
      }
    ]
  })
}

/** The one policy of draft 7: `RateLimit: limit=100, remaining=50, reset=30`. */
const ofDraft7 = (field: (name: string) => string | undefined): ReadonlyArray<Told> => {
  const members = new Map(
    FieldList.split(field("ratelimit")).map((member) => {
      const [name = "", value = ""] = member.split("=")
      return [name.trim().toLowerCase(), value] as const
    })
  )
  return members.has("remaining")
    ? [
        {
          name: "default",
          quota: countOf(members.get("limit")),
          remaining: countOf(members.get("remaining")),
          resetMillis: seconds(members.get("reset"))
        }
      ]
    : []
}

/** A reset is a number of seconds, or a time in seconds or milliseconds since 1970. */
const resetOf = (text: string | undefined, now: number): number | undefined => {
  const count = countOf(text)
  if (count === undefined) return undefined
  if (count < 1e9) return count * 1_000
  return Math.max((count < 1e11 ? count * 1_000 : count) - now, 0)
}

/** The fields of three names: `X-RateLimit-Remaining`, `X-Rate-Limit-Remaining`, or `RateLimit-Remaining` of earlier drafts. */
const ofThreeFields = (field: (name: string) => string | undefined, now: number): ReadonlyArray<Told> => {
  for (const prefix of ["ratelimit-", "x-ratelimit-", "x-rate-limit-"]) {
    const remaining = countOf(field(`${prefix}remaining`))
    if (remaining === undefined) continue
    const [limit, ...policies] = FieldList.split(field(`${prefix}limit`))
    const policy = policies.find((other) => countOf(other.split(";")[0]) === countOf(limit))
    return [
      {
        name: "default",
        quota: countOf(limit),
        remaining,
        resetMillis: resetOf(field(`${prefix}reset`), now),
        windowMillis: policy === undefined ? undefined : seconds(parametersOf(policy).get("w"))
      }
    ]
  }
  return []
}

/** Reads the time that `Retry-After` asks for: seconds, or a date. Undefined where it says neither. */
const retryMillis = (text: string | undefined, now: number, { longestMillis }: Bounds): number | undefined => {
  const given = seconds(text) ?? dateIn(text, now)
  return given === undefined ? undefined : Math.min(given, longestMillis)
}

const dateIn = (text: string | undefined, now: number): number | undefined => {
  const date = HttpDate.parse(text, now)
  return date === undefined ? undefined : Math.max(date - now, 0)
}

/**
 * The fields of a response that concern limits.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limits {
  readonly retryMillis: number | undefined
  readonly policies: ReadonlyArray<Policy>
}

/**
 * Reads the limits of a response. `now` is the time here, in milliseconds: dates are read relative to the `Date` of the response,
 * where it has one, so that the clocks of both need not agree.
 *
 * @since 0.2.0
 * @category decoding
 */
export const read = (fields: FieldList.Fields, now: number, bounds: Bounds): Limits => {
  const field = (name: string): string | undefined => {
    const text = fields[name]
    return text !== undefined && text.length <= longestField ? text : undefined
  }
  const there = HttpDate.parse(field("date"), now) ?? now
  const [first, second, third] = [ofDraft(field), ofDraft7(field), ofThreeFields(field, there)]
  const told = first.length > 0 ? first : second.length > 0 ? second : third
  const policies = told
    .slice(0, mostPolicies)
    .flatMap(({ name, quota = 0, remaining, resetMillis, windowMillis = 0 }) => {
      // without a time an exhausted policy would hold nobody back, or everybody for ever
      const reset = resetMillis ?? (windowMillis > 0 ? windowMillis : undefined)
      if (remaining === undefined || reset === undefined || reset === 0) return []
      if (remaining > bounds.largestQuota || quota > bounds.largestQuota) return []
      return [
        {
          name,
          quota,
          remaining,
          resetMillis: Math.min(reset, bounds.longestMillis),
          windowMillis: windowMillis > bounds.longestMillis ? 0 : windowMillis
        }
      ]
    })
  return { policies, retryMillis: retryMillis(field("retry-after"), there, bounds) }
}
