/**
 * What the toolkit is meant to reach beside its peers. The report says of each how far a run got, reached or not.
 */

import { name as sharedLimit } from "../subjects/SharedLimit.js"
import type { Outcome } from "./Outcome.js"

/** A ratio of speeds that is to be reached. */
interface Ratio {
  readonly what: string
  readonly workload: string
  readonly concurrency: number
  readonly subject: string
  readonly peer: string
  readonly atLeast: number
  /** the subject that does only the work that no cache can omit */
  readonly limit?: string
}

/** A quantity, in percent, that is not to be exceeded. */
interface Limit {
  readonly what: string
  readonly workload: RegExp
  readonly subject: string
  readonly quantity: string
  readonly atMost: number
}

const clientGet = (concurrency: number, atLeast: number): Ratio => ({
  what: "`get` of RedisClient",
  workload: "redis-get (1,000 keys, uniform)",
  concurrency,
  subject: "toolkit",
  peer: "Bun client",
  atLeast
})

const typedRead = (tier: "shared" | "local", peer: string, atLeast: number): Ratio => ({
  what: `typed read from ${tier === "shared" ? "Redis" : "the process"}`,
  workload: `typed-${tier} (1,000 keys, uniform)`,
  concurrency: 128,
  subject: "toolkit",
  peer,
  atLeast,
  ...(tier === "shared" ? { limit: sharedLimit } : {})
})

const ratios: ReadonlyArray<Ratio> = [
  clientGet(1, 0.9),
  clientGet(128, 2),
  clientGet(1_000, 1),
  typedRead("shared", "Bun client + JSON.parse", 2),
  typedRead("shared", "bentocache", 4),
  typedRead("shared", "bentocache, ioredis by default", 4),
  typedRead("shared", "PersistedCache", 12),
  typedRead("shared", "PersistedCache, ioredis by default", 12),
  typedRead("local", "effect's Cache", 5),
  typedRead("local", "bentocache", 8),
  {
    what: "a key of getMany(100)",
    workload: "get-many (1,000 keys, uniform)",
    concurrency: 128,
    subject: "toolkit getMany",
    peer: "toolkit, single get",
    atLeast: 5
  }
]

const limits: ReadonlyArray<Limit> = [
  {
    what: "more time for a local hit with breaker, counts and events",
    workload: /^overhead \(local reads\)$/,
    subject: "toolkit",
    quantity: "more time than without them",
    atMost: 10
  },
  {
    what: "more time for a local hit with telemetry on",
    workload: /^overhead \(local reads\)$/,
    subject: "toolkit with telemetry",
    quantity: "more time than without telemetry",
    atMost: 5
  },
  {
    what: "more time for a read below a span that is not sampled",
    workload: /^overhead /,
    subject: "toolkit below an unsampled span",
    quantity: "more time than without a span",
    atMost: 3
  },
  {
    what: "growth of the resident size from the second quarter of a run to the last",
    workload: /^memory over /,
    subject: "resident size",
    quantity: "growth",
    atMost: 5
  }
]

/** Whether a ratio of what is measured there is to be reached. */
export const isOfTarget = (workload: string, concurrency: number): boolean =>
  ratios.some((ratio) => ratio.workload === workload && ratio.concurrency === concurrency)

/** How far a run got with one of them, in words. */
export interface Reached {
  readonly what: string
  readonly target: string
  readonly reached: string
  readonly isReached: boolean
  /** what the limit reached in the same run, where there is one */
  readonly limit: string | undefined
}

/** Those of which the run has a measurement. */
export const reachedBy = ({ quantities, results }: Outcome): ReadonlyArray<Reached> => [
  ...ratios.flatMap(({ atLeast, concurrency, limit, peer, subject, what, workload }): ReadonlyArray<Reached> => {
    const timesOf = (one: string | undefined) =>
      results.find(
        (result) => result.workload === workload && result.concurrency === concurrency && result.subject === one
      )?.ratioTo[peer]
    const times = timesOf(subject)
    if (times === undefined) return []
    const limitTimes = timesOf(limit)
    const target = `≥ ${atLeast} × ${peer}`
    const at = `${what}, ${concurrency.toLocaleString("en-US")} at once`
    return [
      {
        what: at,
        target,
        reached: `${times} ×`,
        isReached: times >= atLeast,
        limit: limitTimes === undefined ? undefined : `${limitTimes} ×`
      }
    ]
  }),
  ...limits.flatMap(({ atMost, quantity, subject, what, workload }): ReadonlyArray<Reached> => {
    const found = quantities.find(
      (one) => workload.test(one.workload) && one.subject === subject && one.what === quantity
    )
    if (found === undefined) return []
    const isReached = found.value <= atMost
    return [{ what, target: `≤ ${atMost} %`, reached: `${found.value} %`, isReached, limit: undefined }]
  })
]
