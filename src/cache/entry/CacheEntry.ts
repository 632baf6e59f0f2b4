/**
 * What is stored under a key: a value's text with its birth, its time to live and what else is known of it, as readable
 * JSON. Pure.
 *
 * @since 0.1.0
 */

/**
 * What is stored beside a value, by the value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attributes {
  /** how long it is fresh, in milliseconds */
  readonly timeToLive: number
  /** what it may be invalidated by besides its key */
  readonly tags: ReadonlyArray<string>
  /** what its origin calls this version of it, as an entity tag of HTTP does (RFC 9110, section 8.8.3) */
  readonly versionTag: string | undefined
}

/**
 * How a value's JSON became the text that stands in its place: compressed, and then encrypted with the key of that id.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoding {
  readonly compression: "gzip" | undefined
  readonly keyId: string | undefined
}

/**
 * A value's text: of a value, or of an error that is remembered in its place; and the version of the schema that wrote
 * it, 1 unless it says otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Content {
  readonly kind: "value" | "error"
  readonly version: number
  /** undefined: the text is the value's own JSON */
  readonly encoding: Encoding | undefined
  /** JSON: where it is encoded, a text of base64 */
  readonly text: string
}

/**
 * An entry as it stands in Redis, its value still encoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredEntry extends Attributes {
  /** when its lease was granted or its set ran, by the server's clock, in milliseconds */
  readonly createdAt: number
  readonly content: Content
}

/**
 * A decoded entry.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheEntry<out A> extends Attributes {
  readonly value: A
  readonly createdAt: number
}

/**
 * Everything of an entry behind its birth, which the server itself writes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (
  { tags, timeToLive, versionTag }: Attributes,
  { encoding, kind, text, version }: Content
): string =>
  `"ttl":${Math.ceil(timeToLive)},` +
  (version === 1 ? "" : `"version":${version},`) +
  (tags.length === 0 ? "" : `"tags":${JSON.stringify(tags)},`) +
  (versionTag === undefined ? "" : `"versionTag":${JSON.stringify(versionTag)},`) +
  (encoding?.compression === undefined ? "" : `"compression":"${encoding.compression}",`) +
  (encoding?.keyId === undefined ? "" : `"keyId":"${encoding.keyId}",`) +
  `"${kind}":${text}}`

/**
 * A Lua function of a text: the birth that stands at its head, decodable or not; 0 when none does. It says the same as
 * `createdOf`: whoever is told that something newer is there must see the same birth when he looks.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaCreatedOf = `
local function createdOf(text)
  local digits = string.match(text, '^{"created":(%d+),')
  return digits and #digits <= 15 and tonumber(digits) or 0
end
`

const head = /^\{"created":(\d+),/

const jsonString = String.raw`"(?:[^"\\]|\\.)*"`
const shape = new RegExp(
  String.raw`^\{"created":(\d{1,15}),"ttl":(\d{1,15}),(?:"version":(\d{1,9}),)?` +
    `(?:"tags":(\\[${jsonString}(?:,${jsonString})*\\]),)?(?:"versionTag":(${jsonString}),)?` +
    String.raw`(?:"compression":"(gzip)",)?(?:"keyId":"([\w.-]{1,64})",)?"(value|error)":`
)

/**
 * The birth at the head of a stored text, decodable or not; 0 when there is none, or one beyond any time (15 digits).
 *
 * @since 0.1.0
 * @category getters
 */
export const createdAtOf = (text: string): number => {
  const digits = head.exec(text)?.[1]
  return digits === undefined || digits.length > 15 ? 0 : Number(digits)
}

const none: ReadonlyArray<string> = []

/** JSON that has the shape of what is read; undefined when it is none all the same. */
const parseJson = <A>(text: string | undefined, is: (json: unknown) => json is A): A | undefined => {
  if (text === undefined) return undefined
  try {
    const json: unknown = JSON.parse(text)
    return is(json) ? json : undefined
  } catch {
    return undefined
  }
}
const isString = (json: unknown): json is string => typeof json === "string"
const areStrings = (json: unknown): json is ReadonlyArray<string> => Array.isArray(json) && json.every(isString)

const createdHead = '{"created":'
const ttlHead = ',"ttl":'
const valueHead = ',"value":'
const longestNumber = 15

/** Where the digits that begin there end. */
const digitsEnd = (text: string, from: number): number => {
  let i = from
  for (let unit = text.charCodeAt(i); unit >= 0x30 && unit <= 0x39; unit = text.charCodeAt(i)) i++
  return i
}

/** The number that the digits in between are; exact up to `longestNumber` of them. */
const numberBetween = (text: string, from: number, to: number): number => {
  let number = 0
  for (let i = from; i < to; i++) number = number * 10 + text.charCodeAt(i) - 0x30
  return number
}

/** Most entries: a value in the first version, with nothing beside it but its times. Undefined where it is not so. */
const parsePlain = (stored: string): StoredEntry | undefined => {
  if (!stored.startsWith(createdHead)) return undefined
  const createdEnd = digitsEnd(stored, createdHead.length)
  if (!stored.startsWith(ttlHead, createdEnd)) return undefined
  const ttlStart = createdEnd + ttlHead.length
  const ttlEnd = digitsEnd(stored, ttlStart)
  if (!stored.startsWith(valueHead, ttlEnd) || !stored.endsWith("}")) return undefined
  const createdLength = createdEnd - createdHead.length
  const ttlLength = ttlEnd - ttlStart
  if (createdLength < 1 || createdLength > longestNumber || ttlLength < 1 || ttlLength > longestNumber) return undefined
  return {
    createdAt: numberBetween(stored, createdHead.length, createdEnd),
    timeToLive: numberBetween(stored, ttlStart, ttlEnd),
    tags: none,
    versionTag: undefined,
    content: { kind: "value", version: 1, encoding: undefined, text: stored.slice(ttlEnd + valueHead.length, -1) }
  }
}

/**
 * The stored entry that a text is; undefined when it is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (stored: string): StoredEntry | undefined => parsePlain(stored) ?? parseAny(stored)

/** By the whole shape: several times as slow. */
const parseAny = (stored: string): StoredEntry | undefined => {
  const match = shape.exec(stored)
  if (match === null || !stored.endsWith("}")) return undefined
  const [before, created, ttl, version, tagsText, versionTagText, compression, keyId, kind] = match
  const tags = parseJson(tagsText, areStrings)
  const versionTag = parseJson(versionTagText, isString)
  // an escape that JSON does not know
  if ((tags === undefined) !== (tagsText === undefined)) return undefined
  if ((versionTag === undefined) !== (versionTagText === undefined)) return undefined
  return {
    createdAt: Number(created),
    timeToLive: Number(ttl),
    tags: tags ?? none,
    versionTag,
    content: {
      kind: kind === "error" ? "error" : "value",
      version: version === undefined ? 1 : Number(version),
      encoding:
        compression === undefined && keyId === undefined
          ? undefined
          : { compression: compression === undefined ? undefined : "gzip", keyId },
      text: stored.slice(before.length, -1)
    }
  }
}

/**
 * The entry that a stored one is, once its value is decoded.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withValue = <A>({ createdAt, tags, timeToLive, versionTag }: StoredEntry, value: A): CacheEntry<A> => ({
  value,
  createdAt,
  tags,
  timeToLive,
  versionTag
})

/**
 * A stored text past its time to live, its birth unchanged.
 *
 * @since 0.1.0
 * @category combinators
 */
export const expired = (stored: string): string => stored.replace(/^(\{"created":\d+,"ttl":)\d+/, "$10")

/**
 * @since 0.1.0
 * @category predicates
 */
export const isFresh = (entry: Pick<StoredEntry, "createdAt" | "timeToLive">, serverTime: number): boolean =>
  serverTime - entry.createdAt < entry.timeToLive

/**
 * Past its time to live, and not longer than `staleFor` (milliseconds).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isStale = (
  entry: Pick<StoredEntry, "createdAt" | "timeToLive">,
  serverTime: number,
  staleFor: number
): boolean => !isFresh(entry, serverTime) && serverTime - entry.createdAt < entry.timeToLive + staleFor
