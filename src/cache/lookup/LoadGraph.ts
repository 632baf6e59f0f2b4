/**
 * The wait-for graph of the loads in this process. It finds lookups that read their own key, and loads that need no permit,
 * since the holder of a permit waits for them.
 *
 * The graph is that of R. Holt, "Some Deadlock Properties of Computer Systems" (ACM Computing Surveys 4, 1972). Its edges
 * are stored in the loads and exist only inside lookups. Any other read costs one look at a FiberRef.
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
 * A lookup reads a key whose load waits for that lookup, perhaps through several caches. The read would wait for ever, and
 * so fails at once. `keys` are keys in Redis: the lookup of each one reads the next, and the last equals the first.
 *
 * Nothing else fails: a later read of the key starts a new load.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupCycle extends Schema.TaggedError<LookupCycle>()("LookupCycle", {
  keys: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return (
      `a lookup reads its own key and would wait for itself: ${this.keys.join(" reads ")}; ` +
      "read the source in that lookup, not the cache"
    )
  }
}

/**
 * A node of the graph: a lookup, a batch of lookups, or the `write` of an update. Its code may wait for other loads.
 *
 * @since 0.1.0
 * @category models
 */
export class Load {
  /** Fibers that it started may still run and wait. No caller waits for them. */
  hasEnded = false
  /** Whether it holds one of the permits that bound lookups without Redis. */
  hasPermit = false
  /** Whether it holds the lease of its key in Redis. */
  hasLease = false
  /** Lets it run without a permit, while it waits for one. */
  admit: (() => void) | undefined
  /** The loads that its fibers wait for, each with the number of these fibers. */
  waitsFor: Map<Load, number> | undefined
  awaitedBy: Map<Load, number> | undefined

  constructor(
    /** The cache. Caches on the same `redis` share their leases. */
    readonly owner: { readonly redis: unknown },
    /** The key in Redis; undefined for a batch. */
    readonly key: string | undefined,
    /** Whether its result is the value of its key. */
    readonly isLookup: boolean
  ) {}
}

const current: FiberRef.FiberRef<Load | undefined> = globalValue("effect-cache-toolkit/LoadGraph", () =>
  // the fiber that joins another one keeps its own load
  FiberRef.unsafeMake<Load | undefined>(undefined, { join: (parent) => parent })
)

/** The number of loads in this process that wait for a permit. */
const queue = globalValue("effect-cache-toolkit/LoadGraph/queue", () => ({ size: 0 }))

/**
 * The load that a fiber belongs to: the innermost one, also in fibers that a lookup has forked.
 *
 * @since 0.1.0
 * @category getters
 */
export const of = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Load | undefined => fiber.getFiberRef(current)

/**
 * Sets the load of a new fiber.
 *
 * @since 0.1.0
 * @category combinators
 */
export const refsOf =
  (load: Load) =>
  (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs =>
    FiberRefs.updateAs(refs, { fiberId, fiberRef: current, value: load })

/**
 * Runs an effect as part of a load.
 *
 * @since 0.1.0
 * @category combinators
 */
export const locally =
  (load: Load) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(effect, current, load)

/**
 * Runs an effect as a load that ends with the effect. The load of the calling fiber waits for it.
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
 * Adds an edge: a load waits for another one. The answer is a function that removes the edge and must be called once.
 * Without a load, which is the case outside lookups, nothing is added.
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
 * Runs an effect while the load of the calling fiber waits for another one. Its start must be uninterruptible.
 *
 * @since 0.1.0
 * @category waiting
 */
export const waiting = <A, E, R>(on: Load, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime<A, E, R>((fiber) => {
    const from = of(fiber)
    return from === undefined ? effect : Effect.ensuring(effect, Effect.sync(wait(from, on)))
  })

/** A load and all loads that are reachable from it, the nearest first. */
function* reach(from: Load, next: (load: Load) => Map<Load, number> | undefined): Generator<Load> {
  const seen = new Set([from])
  // a Set also visits the loads that are added during the iteration
  for (const load of seen) {
    yield load
    for (const other of next(load)?.keys() ?? []) seen.add(other)
  }
}

const waiters = ({ awaitedBy }: Load) => awaitedBy

/**
 * Registers a load that waits for a permit, and the function that lets it run without one. The answer is a function that
 * ends the registration.
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
 * Whether a load may run without a permit: the load itself, or a load that waits for it, holds one, of any cache. That
 * permit returns only after this load, so that waiting for another permit could end in a deadlock.
 *
 * @since 0.1.0
 * @category permits
 */
export const mayPass = (load: Load | undefined): boolean => {
  // most loads: no search is needed
  if (load?.awaitedBy === undefined) return load?.hasPermit === true
  for (const { hasPermit } of reach(load, waiters)) if (hasPermit) return true
  return false
}

/**
 * Whether a load that waits for this one holds the lease of its key. That lease is released only after this load.
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
 * Finds the cycle that a read of a key would close: a lookup of that key waits for the load that reads it.
 *
 * @since 0.1.0
 * @category cycles
 */
export const cycle = (from: Load | undefined, owner: Load["owner"], key: string): LookupCycle | undefined => {
  if (from === undefined) return undefined
  /** For each load, the next one on its path to the read. */
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
