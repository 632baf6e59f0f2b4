/** Limits that several processes share on a real server, while processes and the server are killed and stopped. */
import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RateLimit } from "../../../src/coordination/RateLimiter.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"
import { limitScripts } from "./limitScripts.js"
import * as LimitProcess from "./processes/LimitProcess.js"
import { limits } from "./processes/messages.js"
import * as Recording from "./processes/Recording.js"

type Grant = Recording.Grant

const costOf = (grants: ReadonlyArray<Grant>) => grants.reduce((sum, { cost }) => sum + cost, 0)

/** The most that was allowed in any time as long as this, its end excluded. */
const mostIn = (grants: ReadonlyArray<Grant>, micros: number): number => {
  let most = 0
  let sum = 0
  let first = 0
  for (const { at, cost } of grants) {
    sum += cost
    for (let oldest = grants[first]; oldest !== undefined && oldest.at + micros <= at; oldest = grants[++first]) {
      sum -= oldest.cost
    }
    most = Math.max(most, sum)
  }
  return most
}

/** What of its promise an algorithm has broken. */
const broken: Record<
  RateLimit["algorithm"],
  (grants: ReadonlyArray<Grant>, limit: RateLimit) => ReadonlyArray<string>
> = {
  FixedWindow: (grants, { limit, window }) => {
    const micros = Duration.toMillis(window) * 1_000
    const starts = grants.flatMap((grant, i) =>
      grant.reset === micros && grant.remaining === limit - grant.cost ? [i] : []
    )
    return starts.flatMap((start, n) => {
      const used = costOf(grants.slice(start, starts[n + 1]))
      const next = grants[starts[n + 1] ?? Number.NaN]
      // it goes by how long a key lives, which the server looks at after the time that a script asks for
      const lasted = (next?.ended ?? Number.POSITIVE_INFINITY) - (grants[start]?.at ?? 0)
      return [
        ...(used > limit ? [`${used} in the window from ${grants[start]?.at}`] : []),
        // in whole milliseconds
        ...(lasted < micros - 1_000 ? [`a window from ${grants[start]?.at} of ${lasted} µs`] : [])
      ]
    })
  },
  SlidingLog: (grants, { limit, window }) => {
    const most = mostIn(grants, Duration.toMillis(window) * 1_000)
    return most > limit ? [`${most} in a window`] : []
  },
  SlidingCounter: (grants, { limit, window }) => {
    const windowMillis = Duration.toMillis(window)
    const windowOf = ({ at }: Grant) => Math.floor(at / 1_000 / windowMillis)
    const used = new Map<number, number>()
    for (const grant of grants) used.set(windowOf(grant), (used.get(windowOf(grant)) ?? 0) + grant.cost)
    const most = mostIn(grants, windowMillis * 1_000)
    return [
      ...Array.fromIterable(used).flatMap(([index, cost]) => (cost > limit ? [`${cost} in window ${index}`] : [])),
      ...(most >= 2 * limit ? [`${most} in as long as a window`] : [])
    ]
  },
  TokenBucket: (grants, { burst, limit, window }) => {
    const micros = Duration.toMillis(window) * 1_000
    const begin = grants[0]?.at ?? 0
    // a grant of cost c moves the balance by c windows, a microsecond by the limit: no rise is higher than the burst
    let balance = 0
    let lowest = 0
    return grants.flatMap(({ at, cost }) => {
      const leaked = (at - begin) * limit
      lowest = Math.min(lowest, balance - leaked)
      balance += cost * micros
      const rise = balance - leaked - lowest
      return rise > burst * micros ? [`${rise / micros} tokens up to ${at}`] : []
    })
  }
}

describe.skipIf(RedisServer.skipReason !== undefined)("8 processes of 200 fibers each on the same limits", () => {
  it.scopedLive(
    "are never allowed more than was promised, though processes are killed and paused and the server is restarted",
    () =>
      Effect.gen(function* () {
        const phase = Effect.sleep("5 seconds")
        const server = yield* RedisServer.make({ keepsData: true })
        const start = LimitProcess.start({ redisPort: server.port, fibers: 200 })
        const [killed, stopped, ...others] = yield* Effect.all(Array.replicate(start, 8), { concurrency: 2 })
        const grants = Effect.map(server.send("LRANGE", Recording.listKey, "0", "-1"), (entries) =>
          (entries as ReadonlyArray<string>).map(Recording.parse)
        )

        yield* phase
        yield* killed?.kill ?? Effect.void
        yield* stopped?.signal("SIGSTOP") ?? Effect.void
        const replacement = yield* start
        yield* phase
        yield* stopped?.signal("SIGCONT") ?? Effect.void
        const before = yield* grants
        yield* server.outage(0)
        const all = [...(stopped === undefined ? [] : [stopped]), ...others, replacement]
        const answered = all.map(({ counts }) => counts().allowed)
        yield* until("every process is answered again", () =>
          all.every(({ counts }, i) => counts().allowed > (answered[i] ?? 0))
        )
        yield* phase
        yield* phase
        yield* Effect.forEach(all, ({ kill }) => kill, { concurrency: "unbounded" })

        const granted = yield* grants
        const byKey = Array.groupBy(granted, ({ key }) => key)
        for (const [key, limit] of Object.entries(limits)) {
          const ofKey = byKey[limitScripts[limit.algorithm].keyOf(`ratelimit:${key}`)] ?? []
          expect([key, broken[limit.algorithm](ofKey, limit)]).toEqual([key, []])
          // it was used up again and again
          expect(costOf(ofKey)).toBeGreaterThan(20 * limit.limit)
        }
        expect(granted.slice(0, before.length)).toEqual(before)
        expect(granted.length).toBeGreaterThan(before.length)
        const told = [...all, ...(killed === undefined ? [] : [killed])].map(({ counts }) => counts())
        const total = (count: keyof (typeof told)[number]) => told.reduce((sum, counts) => sum + counts[count], 0)
        expect(total("allowed")).toBeLessThanOrEqual(granted.length)
        expect(total("allowedWithoutRedis")).toBe(0)
        expect(Math.min(total("rejected"), total("blocked"))).toBeGreaterThan(0)
      }),
    { timeout: 300_000 }
  )
})
