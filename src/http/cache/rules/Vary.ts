/**
 * Which requests a response with `Vary` answers (RFC 9111, section 4.1).
 *
 * @since 0.2.0
 */
import * as FieldList from "./FieldList.js"

/**
 * The names of the request fields that selected a response, sorted and without repetition. `"*"` where no other request may
 * have the response.
 *
 * @since 0.2.0
 * @category decoding
 */
export const fieldsOf = (fields: FieldList.Fields): ReadonlyArray<string> | "*" => {
  const names = FieldList.names(fields.vary)
  return names.includes("*") ? "*" : Array.from(new Set(names)).sort()
}

/** The fields whose members have no order of their own: each says its weight. Their members are no case-sensitive tokens. */
const unorderedFields: ReadonlySet<string> = new Set(["accept", "accept-charset", "accept-encoding", "accept-language"])

/**
 * The value of a request field in its normal form, without spaces around members. Those of content negotiation are in lower
 * case and sorted. Undefined for an absent field. Two values of one normal form have the same meaning.
 */
const normalized = (name: string, value: string | undefined): string | undefined => {
  if (value === undefined) return undefined
  const members = FieldList.split(value)
  if (!unorderedFields.has(name)) return members.join(",")
  return members
    .map((member) => member.replace(/\s*;\s*/g, ";").toLowerCase())
    .sort()
    .join(",")
}

/**
 * The values of the selecting fields of a request, in the order of the names: the secondary key.
 *
 * @since 0.2.0
 * @category getters
 */
export const secondaryKey = (
  names: ReadonlyArray<string>,
  request: FieldList.Fields
): ReadonlyArray<string | undefined> => names.map((name) => normalized(name, request[name]))
