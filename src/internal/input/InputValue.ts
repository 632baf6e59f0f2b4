/**
 * Reads and shows what a caller gave as an option or an argument.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"

/** A value as a message shows it. */
export const shown = (value: unknown): string =>
  Duration.isDuration(value)
    ? Duration.format(value)
    : typeof value === "string"
      ? JSON.stringify(value)
      : Inspectable.toStringUnknown(value, 0)

/** The texts of a number, a string or a pair that Effect reads as a duration of zero, which would hide the mistake. */
const negative = /(^|[,\s])-|NaN/

const parse = (value: Exclude<Duration.DurationInput, Duration.Duration>): number => {
  try {
    return negative.test(String(value)) ? Number.NaN : Duration.toMillis(value)
  } catch {
    return Number.NaN
  }
}

/** The durations of a program are a few texts such as "1 minute", each of which is read at each use. */
const ofTexts = new Map<string, number>()
const maxTexts = 1_000

/** The milliseconds of a duration; NaN when it is negative, NaN or no duration. */
export const millisOf = (value: Duration.DurationInput): number => {
  // a number is milliseconds: most arguments are, and the text of each would be searched for a sign
  if (typeof value === "number") return value >= 0 ? value : Number.NaN
  if (Duration.isDuration(value)) return Duration.toMillis(value)
  if (typeof value !== "string") return parse(value)
  const known = ofTexts.get(value)
  if (known !== undefined) return known
  const millis = parse(value)
  if (ofTexts.size < maxTexts) ofTexts.set(value, millis)
  return millis
}
