/**
 * Header fields that are lists (RFC 9110, section 5.6.1): members separated by commas, of which some hold quoted strings.
 *
 * @since 0.2.0
 */

/**
 * The header fields of a message, with names in lower case. Lines of one name are joined by commas.
 *
 * @since 0.2.0
 * @category models
 */
export type Fields = Readonly<Record<string, string | undefined>>

/**
 * Splits a list at its commas outside of quoted strings. Members are trimmed, and empty ones left out.
 *
 * @since 0.2.0
 * @category decoding
 */
export const split = (text: string | undefined): ReadonlyArray<string> => {
  if (text === undefined) return []
  if (!text.includes('"')) {
    return text
      .split(",")
      .map((member) => member.trim())
      .filter((member) => member !== "")
  }
  const members: Array<string> = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i <= text.length; i++) {
    const character = text[i]
    if (isQuoted && character === "\\") i += 1
    else if (character === '"') isQuoted = !isQuoted
    else if (character === undefined || (character === "," && !isQuoted)) {
      const member = text.slice(start, i).trim()
      if (member !== "") members.push(member)
      start = i + 1
    }
  }
  return members
}

/**
 * The text of a quoted string, or the text itself where it is no quoted string.
 *
 * @since 0.2.0
 * @category decoding
 */
export const unquote = (text: string): string =>
  text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text

/**
 * The names of a list of field names, in lower case.
 *
 * @since 0.2.0
 * @category decoding
 */
export const names = (text: string | undefined): ReadonlyArray<string> => split(text).map((name) => name.toLowerCase())
