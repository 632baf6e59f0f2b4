/**
 * Writes the options of a cache as text, without what they hide.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** The schemas, the lookup and the shared log say nothing to a reader, and an encryption holds keys. */
const left = new Set(["key", "value", "error", "lookup", "lookupMany", "failureLog", "migrations", "name"])

const durations = /(?:timeToLive|staleFor|softTimeout|hardTimeout|pause|maxWait)$/

const isDurationInput = (value: unknown): value is Duration.DurationInput =>
  typeof value === "number" || typeof value === "string" || typeof value === "bigint" || Duration.isDuration(value)

const textOf = (name: string, value: unknown): string => {
  if (typeof value === "function") return "a function"
  if (durations.test(name) && isDurationInput(value)) {
    return Option.match(Duration.decodeUnknown(value), { onNone: () => String(value), onSome: Duration.format })
  }
  return String(value)
}

/**
 * Lists options with their text. The options of a group have the group's name before theirs, as in `local.capacity`.
 *
 * @since 0.2.0
 * @category conversions
 */
export const list = (
  options: ReadonlyArray<readonly [name: string, value: unknown]>,
  group = ""
): ReadonlyArray<readonly [name: string, text: string]> =>
  options.flatMap(([name, value]): ReadonlyArray<readonly [string, string]> => {
    const full = `${group}${name}`
    if (left.has(name) || value === undefined) return []
    if (name === "encryption") return [[full, "on"]]
    return Predicate.isRecord(value) && !Duration.isDuration(value)
      ? list(Object.entries(value), `${full}.`)
      : [[full, textOf(name, value)]]
  })
