/**
 * Loads an optional peer when it is first used: a program installs the exporters that it has use for, and no others.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** Dies with a message that names the package, since a missing one is a mistake of the program. */
export const load = <A>(name: string, load: () => Promise<A>): Effect.Effect<A> =>
  Effect.tryPromise(load).pipe(
    Effect.catchAll(({ error }) =>
      Effect.die(new Error(`the package ${name} is not installed, or does not load: install it`, { cause: error }))
    )
  )
