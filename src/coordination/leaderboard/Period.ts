/**
 * The days and weeks of UTC that boards are made for.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type { Opening } from "./WriteScripts.js"

/**
 * A day, or a week that begins on Monday (ISO 8601).
 *
 * @since 0.1.0
 * @category models
 */
export type PeriodLength = "daily" | "weekly"

/**
 * One day or week.
 *
 * @since 0.1.0
 * @category models
 */
export interface Period extends Opening {
  /** `2026-11-25` for a day, `2026-W48` for a week, both as ISO 8601 writes them */
  readonly name: string
}

const monday = 1

const padded = (number: number, digits: number): string => String(number).padStart(digits, "0")

const nameOfDay = (day: DateTime.Utc): string => DateTime.formatIsoDateUtc(day)

/** The first week of a year holds its first Thursday, so the Thursday of a week determines the year. */
const nameOfWeek = (start: DateTime.Utc): string => {
  const thursday = DateTime.add(start, { days: 3 })
  const year = DateTime.getPartUtc(thursday, "year")
  const newYear = DateTime.startOf(thursday, "year")
  const week = 1 + Math.floor(DateTime.distance(newYear, thursday) / (7 * 86_400_000))
  return `${padded(year, 4)}-W${padded(week, 2)}`
}

/**
 * Returns the day or week that holds a moment.
 *
 * @since 0.1.0
 * @category constructors
 */
export const at = (length: PeriodLength, moment: DateTime.Utc): Period => {
  const unit = length === "daily" ? "day" : "week"
  const start = DateTime.startOf(moment, unit, { weekStartsOn: monday })
  return {
    name: length === "daily" ? nameOfDay(start) : nameOfWeek(start),
    opens: DateTime.toEpochMillis(start),
    // UTC has no days of another length
    closes: DateTime.toEpochMillis(DateTime.add(start, length === "daily" ? { days: 1 } : { weeks: 1 }))
  }
}
