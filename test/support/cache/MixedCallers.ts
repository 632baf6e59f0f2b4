/**
 * Fibers that read, set and invalidate through several caches of one name, as several processes of an application do. They
 * notice each read that is older than an acknowledged write.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as CacheResult from "../../../src/cache/read/CacheResult.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as LoopDelay from "../LoopDelay.js"

export interface MixedCallers {
  /** reads that were older than they may be, and calls that took far longer than any timeout */
  readonly mistakes: ReadonlyArray<string>
  /** how many reads came from where: `Redis`, `Lookup`, `Degraded`, … */
  readonly sources: ReadonlyMap<string, number>
  /** writes that Redis acknowledged, and those that it has not taken yet when they returned */
  readonly writes: { readonly acknowledged: number; readonly kept: number }
  readonly stop: Effect.Effect<void>
}

const idsPerTag = 5
const tagCount = 20
const hangMillis = 10_000

const tagOf = (id: number): string => `tag-${Math.floor(id / idsPerTag)}`

/** A read that has ended. */
export interface Read {
  readonly id: number
  readonly source: CacheResult.CacheResult<number>["source"]
  /** why Redis was not used */
  readonly reason: string | undefined
  /** how long it took, without the time in which the event loop of this process stood still */
  readonly millis: number
  /** for how long it stood still meanwhile */
  readonly stalledMillis: number
}

/** The ids that are read are 0 to this, exclusively. */
export const idCount = tagCount * idsPerTag

export const start = (options: {
  readonly name: string
  readonly redis: ReadonlyArray<RedisClient.Service>
  readonly callers: number
  readonly onRead?: (read: Read) => void
}): Effect.Effect<MixedCallers, never, Scope.Scope> =>
  Effect.gen(function* () {
    /** the source: the version of each value, which only grows */
    const versions = Array.from({ length: idCount }, () => 1)
    const turns = yield* Effect.forEach(versions, () => Effect.makeSemaphore(1))
    /** the versions that no read may fall below */
    const acknowledged = versions.map(() => 0)
    const mistakes: Array<string> = []
    const sources = new Map<string, number>()
    const writes = { acknowledged: 0, kept: 0 }
    const delay = yield* LoopDelay.measure

    const members = yield* Effect.forEach(options.redis, (redis, number) =>
      TypedCache.make({
        name: options.name,
        key: Schema.Int,
        value: Schema.Int,
        timeToLive: "1 minute",
        tags: (_, id) => [tagOf(id)],
        lookup: (id) =>
          Effect.delay(
            Effect.sync(() => versions[id] ?? 0),
            "1 millis"
          )
      }).pipe(
        Effect.provideService(RedisClient, redis),
        // and those that no read of this cache may fall below
        Effect.map((cache) => ({ number, cache, own: versions.map(() => 0) }))
      )
    )
    type Member = (typeof members)[number]

    const timed = <A, E>(
      what: string,
      call: Effect.Effect<A, E>
    ): Effect.Effect<readonly [answer: A, millis: number, stalledMillis: number], E> =>
      Effect.suspend(() => {
        const stoodStill = delay.totalMillis()
        return Effect.map(Effect.timed(call), ([duration, answer]) => {
          const stalledMillis = delay.totalMillis() - stoodStill
          const millis = Math.max(0, Duration.toMillis(duration) - stalledMillis)
          if (millis > hangMillis) mistakes.push(`${what} took ${millis} ms`)
          return [answer, millis, stalledMillis]
        })
      })

    const read = ({ cache, number, own }: Member, id: number) =>
      Effect.gen(function* () {
        const [ofAll, ofOwn] = [acknowledged[id] ?? 0, own[id] ?? 0]
        const [{ reason, source, value }, millis, stalledMillis] = yield* timed(`a read of ${id}`, cache.getResult(id))
        options.onRead?.({ id, source, reason, millis, stalledMillis })
        sources.set(source, (sources.get(source) ?? 0) + 1)
        // a process without Redis cannot hear of other processes' writes
        const least = source === "Degraded" ? ofOwn : Math.max(ofOwn, ofAll)
        if (value < least) mistakes.push(`cache ${number} read version ${value} of ${id} from ${source}, not ${least}`)
      })

    /** One writer of a value at a time, or the order of two writes would be anyone's. */
    const write = (
      { own }: Member,
      ids: ReadonlyArray<number>,
      what: string,
      call: Effect.Effect<boolean, unknown>
    ) => {
      const writing = Effect.gen(function* () {
        for (const id of ids) versions[id] = (versions[id] ?? 0) + 1
        const [isAcknowledged] = yield* timed(`${what} of ${ids}`, Effect.orDie(call))
        writes[isAcknowledged ? "acknowledged" : "kept"]++
        for (const known of isAcknowledged ? [own, acknowledged] : [own]) {
          for (const id of ids) known[id] = versions[id] ?? 0
        }
      })
      return turns.filter((_, id) => ids.includes(id)).reduceRight((inner, turn) => turn.withPermits(1)(inner), writing)
    }

    const caller = (member: Member) =>
      Effect.gen(function* () {
        const { cache } = member
        while (true) {
          const id = yield* Random.nextIntBetween(0, versions.length)
          const kind = yield* Random.next
          if (kind < 0.9) yield* read(member, id)
          else if (kind < 0.94) yield* write(member, [id], "an invalidation", cache.invalidate(id))
          else if (kind < 0.97) {
            yield* write(
              member,
              [id],
              "a set",
              Effect.suspend(() => cache.set(id, versions[id] ?? 0))
            )
          } else {
            const first = id - (id % idsPerTag)
            const ids = Array.from({ length: idsPerTag }, (_, i) => first + i)
            yield* write(member, ids, "an invalidation by tag", cache.invalidateTag(tagOf(id)))
          }
          // what is rejected takes no time: without a pause it would starve everything else
          yield* Effect.sleep("2 millis")
        }
      })

    const fiber = yield* Effect.forkScoped(
      Effect.forEach(
        Array.from({ length: Math.ceil(options.callers / members.length) }, () => members).flat(),
        caller,
        { concurrency: "unbounded", discard: true }
      )
    )
    return {
      mistakes,
      sources,
      writes,
      stop: Effect.asVoid(Fiber.interrupt(fiber))
    }
  })
