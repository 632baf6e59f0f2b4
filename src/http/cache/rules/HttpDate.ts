/**
 * Dates of HTTP header fields (RFC 9110, section 5.6.7).
 *
 * @since 0.2.0
 */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

const imfFixdate = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) gmt$/i
const rfc850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) gmt$/i
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i

const millisOf = (
  year: number,
  month: string | undefined,
  day: string | undefined,
  time: ReadonlyArray<string | undefined>
): number | undefined => {
  const monthIndex = months.indexOf((month ?? "").toLowerCase())
  const [hour, minute, second] = time.map(Number)
  if (monthIndex < 0 || hour === undefined || minute === undefined || second === undefined) return undefined
  // a leap second is the first second of the next minute
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, monthIndex, Number(day))
  if (date.getUTCDate() !== Number(day)) return undefined
  return date.setUTCHours(hour, minute, second)
}

/**
 * Parses a date in each of the three formats. A two-digit year is of this century, unless that is more than 50 years after
 * `now`. Undefined for any other text: a recipient must not guess.
 *
 * @since 0.2.0
 * @category decoding
 */
export const parse = (text: string | undefined, now: number): number | undefined => {
  const trimmed = text?.trim()
  if (trimmed === undefined) return undefined
  const fixed = imfFixdate.exec(trimmed)
  if (fixed !== null) return millisOf(Number(fixed[3]), fixed[2], fixed[1], fixed.slice(4, 7))
  const obsolete = rfc850.exec(trimmed)
  if (obsolete !== null) {
    const thisYear = new Date(now).getUTCFullYear()
    const year = Math.floor(thisYear / 100) * 100 + Number(obsolete[3])
    return millisOf(year > thisYear + 50 ? year - 100 : year, obsolete[2], obsolete[1], obsolete.slice(4, 7))
  }
  const ansi = asctime.exec(trimmed)
  return ansi === null ? undefined : millisOf(Number(ansi[6]), ansi[1], ansi[2], ansi.slice(3, 6))
}

/**
 * Formats a time in milliseconds as an IMF-fixdate.
 *
 * @since 0.2.0
 * @category encoding
 */
export const format = (millis: number): string => new Date(millis).toUTCString()
