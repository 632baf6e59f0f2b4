/**
 * The guide's patterns for one kind of value: cache-aside reads, write-through, invalidation after a write, warming.
 *
 * Within one process a load or a write that overlaps another write of the same id does not leave its value in the cache,
 * since it cannot know which of the two the database has kept. Between processes a value can be wrong until its time to
 * live ends.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Lookup } from "../cache/ValueCache.js"

/**
 * A value and where it came from: the cache's answer, after which the database was asked unless it was a hit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Read<A> {
  readonly value: A
  readonly source: Lookup<A>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheAside<Id, A, E> {
  /** From the cache, else loaded and stored; without storing when the cache did not answer. */
  readonly read: (id: Id) => Effect.Effect<Read<A>, E>
  /** Loads whatever the cache holds, and says whether the value was stored. */
  readonly warm: (id: Id) => Effect.Effect<boolean, E>
  /** Stores what a write has made of the value; invalidates when that is not known, or not stored. */
  readonly writeThrough: <E2>(id: Id, write: Effect.Effect<A, E2>) => Effect.Effect<A, E2>
  /** Invalidates after a write, however it ended: one that failed or was interrupted may have been committed. */
  readonly invalidateAfter: <B, E2>(id: Id, write: Effect.Effect<B, E2>) => Effect.Effect<B, E2>
  /** Deletes the value and says whether the cache did it. */
  readonly invalidate: (id: Id) => Effect.Effect<boolean>
}

/** Held by a load or a write while it runs. */
interface Ticket {
  outdated: boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <Id, A, E>(cached: {
  readonly lookup: (id: Id) => Effect.Effect<Lookup<A>>
  readonly load: (id: Id) => Effect.Effect<A, E>
  readonly store: (id: Id, value: A) => Effect.Effect<boolean>
  readonly remove: (id: Id) => Effect.Effect<boolean>
}): Effect.Effect<CacheAside<Id, A, E>> =>
  Effect.sync(() => {
    const running = new Map<Id, Set<Ticket>>()

    const withTicket = <B, E2>(id: Id, use: (ticket: Ticket) => Effect.Effect<B, E2>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          const ticket: Ticket = { outdated: false }
          const tickets = running.get(id)
          if (tickets === undefined) running.set(id, new Set([ticket]))
          else tickets.add(ticket)
          return ticket
        }),
        use,
        (ticket) =>
          Effect.sync(() => {
            const tickets = running.get(id)
            tickets?.delete(ticket)
            if (tickets?.size === 0) running.delete(id)
          })
      )

    const outdateOthers = (id: Id, own?: Ticket) =>
      Effect.sync(() => {
        for (const ticket of running.get(id) ?? []) if (ticket !== own) ticket.outdated = true
      })

    const invalidate = (id: Id) => Effect.zipRight(outdateOthers(id), cached.remove(id))

    const storeOrRemove = (id: Id, value: A) =>
      Effect.flatMap(cached.store(id, value), (stored) => (stored ? Effect.succeed(true) : cached.remove(id)))

    const load = (id: Id) =>
      withTicket(id, (ticket) =>
        Effect.flatMap(cached.load(id), (value) =>
          Effect.map(ticket.outdated ? Effect.succeed(false) : cached.store(id, value), (stored) => ({ value, stored }))
        )
      )

    return {
      read: (id) =>
        Effect.flatMap(cached.lookup(id), (source): Effect.Effect<Read<A>, E> => {
          switch (source._tag) {
            case "Hit":
              return Effect.succeed({ value: source.value, source })
            case "Miss":
              return Effect.map(load(id), ({ value }) => ({ value, source }))
            case "Bypass":
              return Effect.map(cached.load(id), (value) => ({ value, source }))
          }
        }),
      warm: (id) => Effect.map(load(id), ({ stored }) => stored),
      writeThrough: (id, write) =>
        withTicket(id, (ticket) =>
          Effect.onExit(write, (exit) =>
            Effect.zipRight(
              outdateOthers(id, ticket),
              Exit.isSuccess(exit) && !ticket.outdated ? storeOrRemove(id, exit.value) : cached.remove(id)
            )
          )
        ),
      invalidateAfter: (id, write) => Effect.ensuring(write, invalidate(id)),
      invalidate
    }
  })
