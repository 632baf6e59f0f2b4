/**
 * The fields of the answer to a request: those of the stored response, its age, and what this cache reports.
 *
 * @since 0.2.0
 */
import * as CacheStatus from "../rules/CacheStatus.js"
import * as Conditional from "../rules/Conditional.js"
import type * as FieldList from "../rules/FieldList.js"
import type { StoredResponse } from "../store/StoredResponse.js"

/**
 * How an answer is reported.
 *
 * @since 0.2.0
 * @category models
 */
export interface Report {
  /** the name of this cache in `Cache-Status`; undefined: no such field */
  readonly name: string | undefined
  readonly handling: CacheStatus.Handling
}

/**
 * The field `Cache-Status` with the member of this cache behind those of caches that are nearer to the origin.
 *
 * @since 0.2.0
 * @category encoding
 */
export const cacheStatus = (fields: FieldList.Fields, { handling, name }: Report): string | undefined => {
  const others = fields["cache-status"]
  if (name === undefined) return others
  const member = CacheStatus.format(name, handling)
  return others === undefined ? member : `${others}, ${member}`
}

/**
 * The status and fields of a stored response, or of the 304 that stands for it.
 *
 * @since 0.2.0
 * @category getters
 */
export const headOf = (
  { fields: stored, status }: StoredResponse,
  age: number,
  request: FieldList.Fields,
  now: number,
  report: Report
): { readonly status: number; readonly fields: Record<string, string> } => {
  const fields: Record<string, string> = { ...stored }
  if (report.handling.hit === true || age >= 1) fields.age = String(Math.round(age))
  const reported = cacheStatus(stored, report)
  if (reported !== undefined) fields["cache-status"] = reported
  return status >= 200 && status < 300 && Conditional.isNotModified(request, fields, now)
    ? { status: 304, fields: Conditional.notModifiedFields(fields) }
    : { status, fields }
}
