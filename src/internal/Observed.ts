/**
 * What runs in this process, for telemetry that reads it: caches, connections, limits, locks. The parts of the toolkit know
 * no telemetry. They check one field, and call a listener only while one is installed.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import type * as Scope from "effect/Scope"

/**
 * The members of one kind, and the listener that hears of them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Observed<in out Member, in out Listener> {
  readonly members: Set<Member>
  /** The listener that was installed last. A field, since hot paths read it. */
  listener: Listener | undefined
  /** every listener that is installed, in order */
  readonly installed: Array<Listener>
}

/**
 * One value for the whole process, also where a bundle holds this module twice.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Member, Listener>(kind: string): Observed<Member, Listener> =>
  globalValue(`effect-cache-toolkit/Observed/${kind}`, () => ({
    members: new Set<Member>(),
    listener: undefined,
    installed: []
  }))

/**
 * Adds a member until the scope ends. `onEnd` receives the listener of that moment, for the last counts of the member.
 *
 * @since 0.2.0
 * @category combinators
 */
export const add = <Member, Listener>(
  observed: Observed<Member, Listener>,
  member: Member,
  onEnd: (listener: Listener, member: Member) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => observed.members.add(member)),
      () =>
        Effect.sync(() => {
          observed.members.delete(member)
          if (observed.listener !== undefined) onEnd(observed.listener, member)
        })
    )
  )

/**
 * Installs a listener until the scope ends. While several are installed, the last one hears.
 *
 * @since 0.2.0
 * @category combinators
 */
export const install = <Member, Listener>(
  observed: Observed<Member, Listener>,
  listener: Listener
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        observed.installed.push(listener)
        observed.listener = listener
      }),
      () =>
        Effect.sync(() => {
          const place = observed.installed.lastIndexOf(listener)
          if (place >= 0) observed.installed.splice(place, 1)
          observed.listener = observed.installed.at(-1)
        })
    )
  )
