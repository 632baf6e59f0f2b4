/**
 * The reply of INFO.
 *
 * @internal
 */

/** Parses the fields of INFO. */
export const fieldsOf = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split(/\r?\n/).flatMap((line): ReadonlyArray<readonly [string, string]> => {
      const colon = line.indexOf(":")
      return line.startsWith("#") || colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
    })
  )

/** The number of a field; undefined where the server does not report it. */
export const numberOf = (fields: ReadonlyMap<string, string>, field: string): number | undefined => {
  const value = Number(fields.get(field) ?? Number.NaN)
  return Number.isNaN(value) ? undefined : value
}

export const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`
