/**
 * Wraps each handler of a group of `HttpApiBuilder` of `@effect/platform`, which has middleware for a whole API only.
 *
 * @internal
 */
import * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"

/** What the builder has put into a group, and reads when the group is complete. */
export interface WithHandlers {
  readonly handlers: Chunk.Chunk<{ readonly handler: (request: never) => Effect.Effect<unknown, unknown, unknown> }>
}

/** Replaces the handlers of a group by wrapped ones. Answers the same group. */
export const wrap = <Group extends WithHandlers>(
  group: Group,
  wrapper: <A, E, R>(handled: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Group =>
  Object.assign(group, {
    handlers: Chunk.map(group.handlers, (item) => ({
      ...item,
      handler: (request: never) => wrapper(item.handler(request))
    }))
  })
