/**
 * Times as a person reads them.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** `1d 2h`, `3m 4s`, `250ms`: the two largest units. */
export const shown = (millis: number): string => {
  if (!Number.isFinite(millis)) return "for ever"
  const parts = Duration.format(Duration.millis(Math.round(Math.max(millis, 0)))).split(" ")
  return parts.slice(0, 2).join(" ")
}

export const iso = (millis: number): string => new Date(millis).toISOString()

/** The milliseconds of a time to live; null where there is none, as JSON has no infinity. */
export const millisLeft = (timeToLive: Option.Option<Duration.Duration>): number | null =>
  Option.match(timeToLive, {
    onNone: () => null,
    onSome: (duration) => (Duration.isFinite(duration) ? Duration.toMillis(duration) : null)
  })
