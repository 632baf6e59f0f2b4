/**
 * Which loads wait for which, in the whole process: by that a lookup that comes back to its own key is found, and what a
 * load waits for need not wait for a permit that this load holds.
 *
 * The wait-for graph is that of R. Holt, "Some Deadlock Properties of Computer Systems" (ACM Computing Surveys 4, 1972).
 * It is kept by the loads themselves and holds only waits inside of lookups: a read that is not made by a lookup costs
 * one look at a FiberRef.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { globalValue } from "effect/GlobalValue"
import * as Schema from "effect/Schema"

/**
 * A lookup reads a key whose value waits for that lookup: its own key, or one whose lookup reads its key in turn, perhaps
 * through several caches. It would wait for ever. `keys` are the keys in Redis, each of which reads the next one; the last
 * is the first again.
 *
 * The read inside the lookup fails with it, at once. Nothing is left behind: a read by somebody else starts anew.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupCycle extends Schema.TaggedError<LookupCycle>()("LookupCycle", {
  keys: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `a lookup waits for itself: ${this.keys.join(" reads ")}; let it read the source and not the cache`
  }
}

/**
 * What runs for a key and may wait for another: a lookup, a batch of lookups, or the `write` of an update.
 *
 * @since 0.1.0
 * @category models
 */
export class Load {
  /** Code that it has left running may still wait, but nobody waits for that. */
  hasEnded = false
  /** Whether it has one of the few permits of lookups while Redis is away. */
  hasPermit = false
  /** Whether it has the lease of its key in Redis. */
  hasLease = false
  /** Lets it run without a permit, where it waits for one. */
  admit: (() => void) | undefined
  /** What its fibers wait for, and how many of them. */
  waitsFor: Map<Load, number> | undefined
  awaitedBy: Map<Load, number> | undefined

  constructor(
    /** One per cache; caches of the same `redis` share their leases. */
    readonly owner: { readonly redis: unknown },
    /** In Redis; a batch has none. */
    readonly key: string | undefined,
    /** Whether it ends with the value of its key. */
    readonly isLookup: boolean
  ) {}
}

const current: FiberRef.FiberRef<Load | undefined> = globalValue("effect-cache-toolkit/LoadGraph", () =>
  // a fiber that is joined does not pass on what it ran for
  FiberRef.unsafeMake<Load | undefined>(undefined, { join: (parent) => parent })
)

/** How many loads wait for a permit, in the whole process. */
const queue = globalValue("effect-cache-toolkit/LoadGraph/queue", () => ({ size: 0 }))

/**
 * What a fiber runs for: the innermost load, also in fibers that its lookup has forked.
 *
 * @since 0.1.0
 * @category getters
 */
export const of = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Load | undefined => fiber.getFiberRef(current)

/**
 * The FiberRefs of a new fiber that runs for a load.
 *
 * @since 0.1.0
 * @category combinators
 */
export const refsOf =
  (load: Load) =>
  (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs =>
    FiberRefs.updateAs(refs, { fiberId, fiberRef: current, value: load })

/**
 * Runs an effect for a load.
 *
 * @since 0.1.0
 * @category combinators
 */
export const locally =
  (load: Load) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(effect, current, load)

/**
 * Runs an effect for a load, which ends with it. The calling fiber's load waits for it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within =
  (load: Load) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.ensuring(
        waiting(load, locally(load)(restore(effect))),
        Effect.sync(() => {
          load.hasEnded = true
        })
      )
    )

const counted = (counts: Map<Load, number> | undefined, load: Load, by: number): Map<Load, number> => {
  const after = counts ?? new Map<Load, number>()
  const count = (after.get(load) ?? 0) + by
  if (count === 0) after.delete(load)
  else after.set(load, count)
  return after
}

const noWait = () => {}

/**
 * From now on a load waits for another, until the answer is called, which must happen once. No load waits outside of
 * lookups, which costs nothing.
 *
 * @since 0.1.0
 * @category waiting
 */
export const wait = (from: Load | undefined, on: Load): (() => void) => {
  if (from === undefined) return noWait
  const count = (by: number) => {
    from.waitsFor = counted(from.waitsFor, on, by)
    on.awaitedBy = counted(on.awaitedBy, from, by)
  }
  count(1)
  if (queue.size > 0 && mayPass(from)) for (const load of reach(on, ({ waitsFor }) => waitsFor)) load.admit?.()
  return () => count(-1)
}

/**
 * An effect as long as which the calling fiber's load waits for another. Where it begins it must not be interrupted.
 *
 * @since 0.1.0
 * @category waiting
 */
export const waiting = <A, E, R>(on: Load, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime<A, E, R>((fiber) => {
    const from = of(fiber)
    return from === undefined ? effect : Effect.ensuring(effect, Effect.sync(wait(from, on)))
  })

/** A load and what is reached from it, the nearest first. */
function* reach(from: Load, next: (load: Load) => Map<Load, number> | undefined): Generator<Load> {
  const seen = new Set([from])
  // what is added meanwhile is visited too
  for (const load of seen) {
    yield load
    for (const other of next(load)?.keys() ?? []) seen.add(other)
  }
}

const waiters = ({ awaitedBy }: Load) => awaitedBy

/**
 * Says that a load waits for a permit, and how it is let past the others, until the answer is called.
 *
 * @since 0.1.0
 * @category permits
 */
export const enqueue = (load: Load | undefined, admit: () => void): (() => void) => {
  if (load === undefined) return noWait
  queue.size++
  load.admit = admit
  return () => {
    queue.size--
    load.admit = undefined
  }
}

/**
 * Whether a load need not wait for a permit: it or what waits for it has one, of whichever cache. If it waited, that
 * permit would not come back before another does, and all could be taken by loads that wait so.
 *
 * @since 0.1.0
 * @category permits
 */
export const mayPass = (load: Load | undefined): boolean => {
  // as most are, without a search
  if (load?.awaitedBy === undefined) return load?.hasPermit === true
  for (const { hasPermit } of reach(load, waiters)) if (hasPermit) return true
  return false
}

/**
 * Whether the lease of a load's key is held by what waits for that load, and so is not given back before it has ended.
 *
 * @since 0.1.0
 * @category leases
 */
export const waitsForOwnLease = (load: Load): boolean => {
  for (const { hasLease, key, owner } of reach(load, waiters)) {
    if (hasLease && key === load.key && owner.redis === load.owner.redis) return true
  }
  return false
}

/**
 * What a read of a key by a load would fail with: a lookup of that key waits for the load.
 *
 * @since 0.1.0
 * @category cycles
 */
export const cycle = (from: Load | undefined, owner: Load["owner"], key: string): LookupCycle | undefined => {
  if (from === undefined) return undefined
  /** What each load waits for, on its way to the read. */
  const next = new Map<Load, Load | undefined>([[from, undefined]])
  for (const load of next.keys()) {
    if (load.isLookup && !load.hasEnded && load.owner === owner && load.key === key) {
      const keys: Array<string> = []
      for (let each: Load | undefined = load; each !== undefined; each = next.get(each)) {
        if (each.key !== undefined) keys.push(each.key)
      }
      return new LookupCycle({ keys: [...keys, key] })
    }
    for (const waiter of load.awaitedBy?.keys() ?? []) if (!next.has(waiter)) next.set(waiter, load)
  }
  return undefined
}
