/**
 * Loads values of a cache that lives in one process: one lookup per key and epoch at a time, whose value is kept unless an
 * invalidation has overtaken it (rules 1, 2 and 5 of docs/protocol.md).
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { ProcessInvalidation } from "../invalidation/ProcessInvalidation.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { LookupRunner } from "../lookup/LookupRunner.js"
import type { NewEntry } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { Flight } from "./Flight.js"
import * as FlightLookup from "./FlightLookup.js"
import type { Loader } from "./Loader.js"
import type { LoadError, LoadRequest, LoadResult, ValueSource } from "./LoadRequest.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface ProcessLoaderOptions<A> {
  /** the cache's */
  readonly name: string
  readonly local: LocalTier<A>
  readonly invalidation: ProcessInvalidation
  readonly lookups: LookupRunner
  readonly observer: Pick<CacheObserver, "fillRejected">
  /** the cache's time, in milliseconds */
  readonly time: () => number
  /** The entry of a value that is created at a time. */
  readonly entryOf: (value: NewEntry<A>, createdAt: number) => CacheEntry<A>
}

/** The lookup of a key that runs now, with the flights that begin after it. */
interface RunningLookup {
  readonly flight: Flight
  readonly waiting: Array<() => void>
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E>(options: ProcessLoaderOptions<A>): Loader<A, E> => {
  const { entryOf, invalidation, local, lookups, observer, time } = options
  const running = new Map<string, RunningLookup>()

  const load = (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>,
    flight: Flight<LoadResult<A>, LoadError<E>>
  ): void => {
    const held = local.get(key.name)
    if (held !== undefined && held.createdAt > request.newerThan) {
      const value: LoadResult<A> = { entry: held, source: "Local", reason: undefined }
      flight.end(Exit.succeed({ value, joinedBefore: flight.joined() }))
      return
    }
    const present = running.get(key.text)
    if (present?.flight.epoch === flight.epoch) {
      // its callers accept no value of that lookup; most of them accept that of the next one
      const endWait = LoadGraph.wait(flight, present.flight)
      let isWaiting = true
      const stopWaiting = () => {
        if (isWaiting) endWait()
        isWaiting = false
      }
      const again = flight.callback(() => load(key, source, request, flight))
      flight.onEnd = stopWaiting
      present.waiting.push(() => {
        stopWaiting()
        again(undefined)
      })
      return
    }
    lookUp(key, source, request, flight)
  }

  const lookUp = (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>,
    flight: Flight<LoadResult<A>, LoadError<E>>
  ): void => {
    const createdAt = time()
    const began = { joinedBefore: flight.joined(), invalidations: invalidation.start() }
    const own: RunningLookup = { flight, waiting: [] }
    running.set(key.text, own)
    flight.createdAt = createdAt
    flight.onEnd = () => {
      if (running.get(key.text) === own) running.delete(key.text)
      for (const resume of own.waiting) resume()
    }
    const looked = FlightLookup.start(options, key.text, flight, false, (lookup) =>
      source.lookup(request.previous, lookup)
    )
    flight.run(looked, (exit) => {
      if (Exit.isFailure(exit)) return flight.end(Exit.failCause(exit.cause))
      const entry = entryOf(exit.value, createdAt)
      flight.run(keep(key, entry, flight.epoch, began.invalidations), () => {
        const isCurrent = invalidation.isCurrent(key.text, flight.epoch, entry.tags, began.invalidations)
        if (!isCurrent) observer.fillRejected()
        // a caller from after the invalidation reads again
        const joinedBefore = isCurrent ? flight.joined() : began.joinedBefore
        flight.end(Exit.succeed({ value: { entry, source: "Lookup", reason: undefined }, joinedBefore }))
      })
    })
  }

  const keep = (key: CacheKey, entry: CacheEntry<A>, epoch: number, invalidations: number): Effect.Effect<void> => {
    if (!invalidation.isCurrent(key.text, epoch, entry.tags, invalidations)) return Exit.void
    if (entry.timeToLive >= 1) return local.keepLoaded(key, entry, { at: entry.createdAt, epoch }, undefined)
    // it is not stored, and what it replaces does not stay
    local.drop({ _tag: "Key", key: key.text })
    return Exit.void
  }

  return {
    load,
    loadAlone: (key, source) =>
      Effect.map(
        lookups.run(key, false, (lookup) => source.lookup(undefined, { ...lookup, isAlone: true })),
        (value): LoadResult<A> => ({ entry: entryOf(value, time()), source: "Lookup", reason: undefined })
      )
  }
}
