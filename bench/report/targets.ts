/**
 * What the toolkit is meant to reach beside its peers, one line each. The report says of each how far a run got, reached or not.
 */

import { name as sharedLimit } from "../subjects/SharedLimit.js"
import { ratio } from "./numbers.js"
import type { Outcome, Quantity, Speed } from "./Outcome.js"

/** A ratio of speeds that is to be reached: of the first subject of the workload to the fastest of these peers. */
interface SpeedTarget {
  readonly what: string
  readonly workload: string
  /** by the number of concurrent callers */
  readonly atLeast: Readonly<Record<number, number>>
  readonly peers: ReadonlyArray<string>
}

/** A ratio of quantities that is not to be exceeded: of the first subject of the workload to the least of these peers. */
interface AmountTarget {
  readonly what: string
  readonly workload: string
  readonly quantity: RegExp
  readonly atMost: number
  readonly peers: ReadonlyArray<string>
}

/** A quantity that is not to be exceeded, in its own unit. Where several match, the largest counts. */
interface Bound {
  readonly what: string
  readonly workload: RegExp
  readonly quantity: string
  readonly atMost: number
}

type AtLeast = SpeedTarget["atLeast"]

const speed = (what: string, workload: string, atLeast: AtLeast, ...peers: ReadonlyArray<string>): SpeedTarget => ({
  what,
  workload,
  atLeast,
  peers
})

const amount = (
  what: string,
  workload: string,
  quantity: RegExp,
  atMost: number,
  ...peers: ReadonlyArray<string>
): AmountTarget => ({ what, workload, quantity, atMost, peers })

const serverTime = (what: string, workload: string, ...peers: ReadonlyArray<string>): AmountTarget =>
  amount(`the server's processor time of ${what}`, workload, /^processor time of the server/, 1.5, ...peers)

const hot = "(1,000 keys, uniform)"
const many = "(100,000 keys, Zipf)"

const stores = ["bentocache", "cacheable", "keyv"]
const loaders = ["bentocache", "cacheable", "PersistedCache"]

const speeds: ReadonlyArray<SpeedTarget> = [
  speed("`get` of RedisClient", `redis-get ${hot}`, { 1: 0.9, 128: 2, 1000: 1 }, "Bun client"),
  speed("`set` of RedisClient", "set (text)", { 1: 1, 16: 1, 128: 1.5, 1000: 1.5 }, "ioredis"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 128: 2 }, "Bun client + JSON.parse"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 128: 4 }, "bentocache"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 128: 4 }, "bentocache, ioredis by default"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 128: 12 }, "PersistedCache"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 128: 12 }, "PersistedCache, ioredis by default"),
  speed("typed read from Redis", `typed-shared ${hot}`, { 1000: 0.85 }, sharedLimit),
  speed("typed read from the process", `typed-local ${hot}`, { 128: 5 }, "effect's Cache"),
  speed("typed read from the process", `typed-local ${hot}`, { 128: 8 }, "bentocache"),
  speed("typed read from the process, 100,000 keys", `typed-local ${many}`, { 128: 0.9 }, "lru-cache, yielded"),
  speed("typed read from the process, 100,000 keys", `typed-local ${many}`, { 128: 5 }, "effect's Cache"),
  speed("a key of getMany(100)", `get-many ${hot}`, { 128: 5 }, "toolkit, single get"),
  speed("a key of getMany(100)", `get-many ${hot}`, { 1: 1 }, "Bun client MGET + JSON.parse"),
  speed("typed `set`", "set (typed)", { 1: 1, 16: 1, 128: 1.2, 1000: 1 }, ...stores),
  speed("miss, lookup and fill", "miss, lookup and fill", { 1: 0.8, 16: 1, 128: 1, 1000: 1 }, ...loaders),
  speed("stampede", "stampede on a lookup of 5 ms", { 1000: 1 }, "cacheable"),
  speed("rate limit", "rate-limit", { 1: 1, 16: 1, 128: 1.5, 1000: 1.5 }, "rate-limiter-flexible"),
  speed("lock, uncontended", "lock", { 1: 1, 16: 1, 128: 1, 1000: 1 }, "redlock-universal"),
  speed("HTTP `GET /profile`, warm", "GET /api/users/:id/profile", { 16: 0.5 }, "the route by hand"),
  speed("HTTP `GET /profile`, warm", "GET /api/users/:id/profile", { 16: 0.9 }, "the contract with a constant")
]

const amounts: ReadonlyArray<AmountTarget> = [
  serverTime("a typed `set`", "set (typed)", ...stores),
  serverTime("a miss", "miss, lookup and fill", ...loaders),
  serverTime("a rate limit", "rate-limit", "rate-limiter-flexible"),
  serverTime("a lock", "lock", "redlock-universal"),
  amount("memory of a local entry", "memory of the tier in the process", /^of the heap/, 1, "lru-cache"),
  amount("start-up to the first answer", "start-up", /^until the first answer/, 1.5, "one route on the platform")
]

const bounds: ReadonlyArray<Bound> = [
  {
    what: "more processor time of an operation with 8 processes than with 1",
    workload: /^flat-cost /,
    quantity: "more time with 8 processes than with 1",
    atMost: 15
  },
  {
    what: "more processor time of an operation with 1,000,000 values than with 1,000",
    workload: /^flat-cost /,
    quantity: "more time with 1,000,000 values than with 1,000",
    atMost: 15
  },
  {
    what: "more time for a local hit with breaker, counts and events",
    workload: /^overhead \(local reads\)$/,
    quantity: "more time than without them",
    atMost: 10
  },
  {
    what: "more time for a local hit with telemetry on",
    workload: /^overhead \(local reads\)$/,
    quantity: "more time than without telemetry",
    atMost: 5
  },
  {
    what: "more time for a read below a span that is not sampled",
    workload: /^overhead /,
    quantity: "more time than without a span",
    atMost: 3
  },
  {
    what: "growth of the resident size from the second quarter of a run to the last",
    workload: /^memory over /,
    quantity: "growth",
    atMost: 5
  }
]

/** Whether a ratio of what is measured there is to be reached. */
export const isOfTarget = (workload: string, concurrency: number): boolean =>
  speeds.some((target) => target.workload === workload && target.atLeast[concurrency] !== undefined)

/** How far a run got with one of them, in words. */
export interface Reached {
  readonly what: string
  readonly target: string
  /** the peer that counts, where there is one */
  readonly peer: string | undefined
  readonly reached: string
  readonly isReached: boolean
  /** what the limit reached beside the same peer in the same run, where there is one */
  readonly limit: string | undefined
}

/** The element whose number is the least; undefined for none. */
const leastBy = <A>(all: ReadonlyArray<A>, numberOf: (one: A) => number): A | undefined =>
  all.toSorted((one, other) => numberOf(one) - numberOf(other))[0]

const reachedSpeeds = (results: ReadonlyArray<Speed>): ReadonlyArray<Reached> =>
  speeds.flatMap(({ atLeast, peers, what, workload }) =>
    Object.entries(atLeast).flatMap(([callers, least]): ReadonlyArray<Reached> => {
      const concurrency = Number(callers)
      const measured = results.filter((one) => one.workload === workload && one.concurrency === concurrency)
      const [own] = measured
      const timesOf = (peer: string) => own?.ratioTo[peer] ?? Number.NaN
      const fastest = leastBy(
        peers.filter((peer) => own?.ratioTo[peer] !== undefined),
        timesOf
      )
      if (fastest === undefined) return []
      const limit = measured.find(({ subject }) => subject === sharedLimit)?.ratioTo[fastest]
      return [
        {
          what: `${what}, ${concurrency.toLocaleString("en-US")} at once`,
          target: `≥ ${least} ×`,
          peer: fastest,
          reached: `${timesOf(fastest)} ×`,
          isReached: timesOf(fastest) >= least,
          limit: limit === undefined ? undefined : `${limit} ×`
        }
      ]
    })
  )

const reachedAmounts = (quantities: ReadonlyArray<Quantity>): ReadonlyArray<Reached> =>
  amounts.flatMap(({ atMost, peers, quantity, what, workload }): ReadonlyArray<Reached> => {
    const measured = quantities.filter((one) => one.workload === workload && quantity.test(one.what))
    const [own] = measured
    const least = leastBy(
      measured.filter(({ subject }) => peers.includes(subject)),
      ({ value }) => value
    )
    if (own === undefined || least === undefined) return []
    const times = own.value / least.value
    return [
      {
        what,
        target: `≤ ${atMost} ×`,
        peer: least.subject,
        reached: `${ratio(times)} × (${own.value} and ${least.value} ${own.unit})`,
        isReached: times <= atMost,
        limit: undefined
      }
    ]
  })

const reachedBounds = (quantities: ReadonlyArray<Quantity>): ReadonlyArray<Reached> =>
  bounds.flatMap(({ atMost, quantity, what, workload }): ReadonlyArray<Reached> => {
    const matching = quantities.filter((one) => workload.test(one.workload) && one.what === quantity)
    const largest = leastBy(matching, ({ value }) => -value)
    if (largest === undefined) return []
    const { unit, value } = largest
    return [
      {
        what,
        target: `≤ ${atMost} ${unit}`,
        peer: undefined,
        reached: `${value} ${unit}${matching.length > 1 ? ` (${largest.workload})` : ""}`,
        isReached: value <= atMost,
        limit: undefined
      }
    ]
  })

/** Those of which the run has a measurement. */
export const reachedBy = ({ quantities, results }: Outcome): ReadonlyArray<Reached> => [
  ...reachedSpeeds(results),
  ...reachedAmounts(quantities),
  ...reachedBounds(quantities)
]
