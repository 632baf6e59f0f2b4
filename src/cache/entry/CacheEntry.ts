/**
 * The stored form of an entry: JSON that any client can read, with the value, its creation time and its attributes.
 *
 * @since 0.1.0
 */

/**
 * The attributes that are stored with a value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attributes {
  /** how long the value is fresh, in milliseconds */
  readonly timeToLive: number
  /** the tags that invalidate it */
  readonly tags: ReadonlyArray<string>
  /** the source's name of this version, like an entity tag of HTTP (RFC 9110, section 8.8.3) */
  readonly versionTag: string | undefined
}

/**
 * How a value's JSON was encoded: compressed, then encrypted with the key of that id.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoding {
  readonly compression: "gzip" | undefined
  readonly keyId: string | undefined
}

/**
 * The text of a value, or of a cached error, and the version of the schema that wrote it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Content {
  readonly kind: "value" | "error"
  readonly version: number
  /** undefined where the text is the value's JSON */
  readonly encoding: Encoding | undefined
  /** JSON: the value's, or a string of base64 where it is encoded */
  readonly text: string
}

/**
 * An entry of Redis whose value is not decoded yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredEntry extends Attributes {
  /** when its lease was granted or its set ran, by the server's clock, in milliseconds; the field `created` of the JSON */
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
 * The JSON of an entry after its creation time. The server writes what comes before.
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
 * The Lua function of `createdAtOf`. The two must agree: a script that reports a newer entry and the read that follows it
 * must see the same creation time.
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
 * The creation time of a stored text, decodable or not. It is 0 for a text without one, or with one of more than 15 digits.
 *
 * @since 0.1.0
 * @category getters
 */
export const createdAtOf = (text: string): number => {
  const digits = head.exec(text)?.[1]
  return digits === undefined || digits.length > 15 ? 0 : Number(digits)
}

const none: ReadonlyArray<string> = []

/** The value of a JSON text; undefined when the text is no JSON or has another type. */
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

/** The end of the digits that start at a position. */
const digitsEnd = (text: string, from: number): number => {
  let i = from
  for (let unit = text.charCodeAt(i); unit >= 0x30 && unit <= 0x39; unit = text.charCodeAt(i)) i++
  return i
}

/** The number between two positions, exact for up to `longestNumber` digits. */
const numberBetween = (text: string, from: number, to: number): number => {
  let number = 0
  for (let i = from; i < to; i++) number = number * 10 + text.charCodeAt(i) - 0x30
  return number
}

/** Parses the form of most entries: a value of version 1 with no attribute but its times. Undefined for any other form. */
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
 * Parses a stored text; undefined when it is no entry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (stored: string): StoredEntry | undefined => parsePlain(stored) ?? parseAny(stored)

/** Parses every form by a regular expression, which takes several times as long. */
const parseAny = (stored: string): StoredEntry | undefined => {
  const match = shape.exec(stored)
  if (match === null || !stored.endsWith("}")) return undefined
  const [before, created, ttl, version, tagsText, versionTagText, compression, keyId, kind] = match
  const tags = parseJson(tagsText, areStrings)
  const versionTag = parseJson(versionTagText, isString)
  // the text holds an escape that is no JSON
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
 * The entry of a stored entry and its decoded value.
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
 * Sets the time to live of a stored text to zero. The creation time stays.
 *
 * @since 0.1.0
 * @category combinators
 */
export const expired = (stored: string): string => stored.replace(/^(\{"created":\d+,"ttl":)\d+/, "$10")

/**
 * The age of an entry in milliseconds. The server's time is an estimate, which may lie before the creation of the entry: the
 * entry is then 0 milliseconds old. An age below zero would make an entry fresh whose time to live is zero.
 *
 * @since 0.2.0
 * @category getters
 */
export const ageAt = ({ createdAt }: Pick<StoredEntry, "createdAt">, serverTime: number): number =>
  Math.max(0, serverTime - createdAt)

/**
 * Whether an entry is within its time to live.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFresh = (entry: Pick<StoredEntry, "createdAt" | "timeToLive">, serverTime: number): boolean =>
  ageAt(entry, serverTime) < entry.timeToLive

/**
 * Whether an entry has expired, and not longer than `staleFor` milliseconds ago.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isStale = (
  entry: Pick<StoredEntry, "createdAt" | "timeToLive">,
  serverTime: number,
  staleFor: number
): boolean => !isFresh(entry, serverTime) && ageAt(entry, serverTime) < entry.timeToLive + staleFor
