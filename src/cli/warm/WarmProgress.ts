/**
 * The progress of a warming, whatever loads the keys.
 *
 * @internal
 */

/** The counts are those of `TypedCache.WarmSummary`. */
export interface WarmProgress {
  readonly done: number
  readonly loaded: number
  readonly alreadyThere: number
  readonly failed: number
  /** complete keys from the start of the list: where another run continues */
  readonly cursor: number
  /** the failures since the last progress */
  readonly failures: ReadonlyArray<{ readonly key: string; readonly reason: string }>
}

export const nothingDone = (cursor: number): WarmProgress => ({
  done: 0,
  loaded: 0,
  alreadyThere: 0,
  failed: 0,
  cursor,
  failures: []
})
