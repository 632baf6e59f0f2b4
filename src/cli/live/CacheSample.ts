/**
 * The statistics of caches, as an application answers them over HTTP, and what two answers say of the time between them.
 *
 * @internal
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { CacheStats } from "../../cache/observe/CacheStats.js"
import { type CommandFailed, failed, unreachable } from "../frame/CommandFailed.js"

const Stats = CacheStats.pick(
  "name",
  "hitsLocal",
  "hitsRedis",
  "misses",
  "staleServed",
  "degraded",
  "lookups",
  "lookupFailures",
  "local",
  "outbox",
  "redisLatency",
  "lookupLatency"
)

export type Stats = typeof Stats.Type

/** `GET /api/cache/stats` of the server, or the list of `stats` of an application's caches. */
const Answer = Schema.Union(Schema.Array(Stats), Schema.Struct({ caches: Schema.Array(Stats) }))

const decode = Schema.decodeUnknown(Answer)

const requestTimeout = "5 seconds"

export const fetch = (
  url: string,
  token: Redacted.Redacted<string> | undefined
): Effect.Effect<ReadonlyArray<Stats>, CommandFailed, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const get = HttpClientRequest.get(url)
    const response = yield* HttpClient.execute(
      token === undefined ? get : HttpClientRequest.bearerToken(get, Redacted.value(token))
    ).pipe(
      Effect.timeout(requestTimeout),
      Effect.mapError(({ message }) => unreachable(`${url} does not answer: ${message}`))
    )
    if (response.status !== 200) {
      return yield* failed(
        `${url} answers ${response.status}: it must be the statistics of caches` +
          (response.status === 401 ? "; set EFFECT_CACHE_TOKEN to a token of the application" : "")
      )
    }
    const answer = yield* response.json.pipe(
      Effect.flatMap(decode),
      Effect.mapError(() =>
        failed(`${url} answers no statistics of caches: name GET /api/cache/stats, or the stats of your caches`)
      )
    )
    return "caches" in answer ? answer.caches : answer
  })

/** What a cache has done between two samples. Rates are per second. */
export interface CacheRow {
  readonly name: string
  readonly readsPerSecond: number
  /** shares of the reads, from 0 to 1 */
  readonly local: number
  readonly redis: number
  readonly missed: number
  readonly stalePerSecond: number
  readonly degradedPerSecond: number
  readonly lookupsPerSecond: number
  readonly failuresPerSecond: number
  /** since the start of the process, in milliseconds */
  readonly redisP50: number
  readonly redisP99: number
  readonly lookupP99: number
  readonly localEntries: number
  readonly outbox: number
}

type Counter = "hitsLocal" | "hitsRedis" | "misses" | "staleServed" | "degraded" | "lookups" | "lookupFailures"

/** Counters of a process that has restarted begin anew: the whole new count is what has happened since. */
const since = (before: Stats | undefined, now: Stats, counter: Counter): number => {
  const difference = now[counter] - (before?.[counter] ?? 0)
  return difference < 0 ? now[counter] : difference
}

export const row = (before: Stats | undefined, now: Stats, seconds: number): CacheRow => {
  const count = (counter: Counter) => since(before, now, counter)
  const [local, redis, misses] = [count("hitsLocal"), count("hitsRedis"), count("misses")]
  const reads = local + redis + misses
  const share = (part: number) => (reads === 0 ? 0 : part / reads)
  return {
    name: now.name,
    readsPerSecond: reads / seconds,
    local: share(local),
    redis: share(redis),
    missed: share(misses),
    stalePerSecond: count("staleServed") / seconds,
    degradedPerSecond: count("degraded") / seconds,
    lookupsPerSecond: count("lookups") / seconds,
    failuresPerSecond: count("lookupFailures") / seconds,
    redisP50: now.redisLatency.p50,
    redisP99: now.redisLatency.p99,
    lookupP99: now.lookupLatency.p99,
    localEntries: now.local,
    outbox: now.outbox
  }
}
