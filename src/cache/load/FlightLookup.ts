/**
 * The lookup of a flight, counted, timed and traced.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { tracing } from "../../internal/Tracing.js"
import type { Lookup, LookupOverloaded, LookupRunner } from "../lookup/LookupRunner.js"
import type { Flight } from "./Flight.js"

/**
 * Starts the lookup of a flight at once: run the effect once. It is an `Exit` where the lookup answers at once.
 *
 * @since 0.2.0
 * @category execution
 */
export const start = <A, E>(
  { lookups, name }: { readonly lookups: LookupRunner; readonly name: string },
  key: string,
  flight: Flight,
  isBounded: boolean,
  lookup: (lookup: Lookup) => Effect.Effect<A, E>
): Effect.Effect<A, E | LookupOverloaded> => {
  const run = () => lookups.run(key, isBounded, lookup)
  return tracing.listener === undefined ? run() : tracing.listener.lookup(name, key, flight, Effect.suspend(run))
}
