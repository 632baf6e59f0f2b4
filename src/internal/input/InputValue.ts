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

/** The milliseconds of a duration; NaN when it is negative, NaN or no duration. */
export const millisOf = (value: Duration.DurationInput): number => {
  if (Duration.isDuration(value)) return Duration.toMillis(value)
  try {
    return negative.test(String(value)) ? Number.NaN : Duration.toMillis(value)
  } catch {
    return Number.NaN
  }
}
