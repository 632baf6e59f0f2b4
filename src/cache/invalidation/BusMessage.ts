/**
 * The messages that the processes of one cache publish to each other (rule 11 of docs/protocol.md).
 *
 * @since 0.1.0
 */
/**
 * - `key`, `tag`, `clear`: a key, a tag's entries or everything was invalidated
 * - `ready`: the lease of a key has ended
 *
 * @since 0.1.0
 * @category models
 */
export interface BusMessage {
  /** the process that published it */
  readonly from: string
  readonly kind: "key" | "ready" | "tag" | "clear"
  /** the key or tag; a clear has none */
  readonly key?: string | undefined
}

/**
 * @since 0.1.0
 * @category getters
 */
export const encode = ({ from, key, kind }: BusMessage): string => JSON.stringify({ from, kind, key })

/**
 * Encodes the messages of one process. What they share is encoded once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const encoder = (from: string) => {
  const keyed = (kind: BusMessage["kind"]) => {
    const start = `${encode({ from, kind }).slice(0, -1)},"key":`
    return (key: string): string => `${start}${JSON.stringify(key)}}`
  }
  return { key: keyed("key"), ready: keyed("ready"), tag: keyed("tag"), clear: encode({ from, kind: "clear" }) }
}

/**
 * Whether a text is a message of this process: a comparison of its start, without parsing.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFrom = (process: string): ((text: string) => boolean) => {
  const start = `{"from":"${process}"`
  return (text) => text.startsWith(start)
}

const isKind = (kind: unknown): kind is BusMessage["kind"] =>
  kind === "key" || kind === "ready" || kind === "tag" || kind === "clear"

/** Undefined for a text that is no message, such as one of another version of this library. */
const decode = (text: string): BusMessage | undefined => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== "object" || json === null || !("from" in json && "kind" in json)) return undefined
  const { from, kind } = json
  const key = "key" in json ? json.key : undefined
  if (typeof from !== "string" || !isKind(kind)) return undefined
  return key === undefined || typeof key === "string" ? { from, kind, key } : undefined
}

const start = '{"from":"'
const beforeKey = '","kind":"key","key":"'
const beforeReady = '","kind":"ready","key":"'

const newline = 0x0a
const space = 0x20
const quote = 0x22
const backslash = 0x5c
const brace = 0x7d

/** The place of the quote that ends a text of JSON; -1 where the text has an escape, or a character that needs one. */
const endOfPlain = (json: string, first: number): number => {
  for (let i = first; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit === quote) return i
    if (unit < space || unit === backslash) return -1
  }
  return -1
}

/**
 * Calls back with each message of what was published at once: scripts that run several calls publish a line for each. A line
 * that is no message is undefined.
 *
 * A process hears a line for each key that another process writes. So lines that name a key, as `encode` writes them, are cut
 * out without `JSON.parse` and `split`. Any other line is parsed.
 *
 * @since 0.2.0
 * @category getters
 */
export const forEach = (published: string, onMessage: (message: BusMessage | undefined) => void): void => {
  // the lines of one script are of one process
  const headEnd = published.startsWith(start) ? endOfPlain(published, start.length) : -1
  const head = published.slice(0, Math.max(0, headEnd))
  const from = head.slice(start.length)
  for (let line = 0; line <= published.length; ) {
    if (headEnd >= 0 && published.startsWith(head, line)) {
      const next = line + headEnd
      const isKey = published.startsWith(beforeKey, next)
      if (isKey || published.startsWith(beforeReady, next)) {
        const first = next + (isKey ? beforeKey : beforeReady).length
        const last = endOfPlain(published, first)
        const end = last + 2
        const isEnd = end === published.length || published.charCodeAt(end) === newline
        if (last >= 0 && isEnd && published.charCodeAt(last + 1) === brace) {
          onMessage({ from, kind: isKey ? "key" : "ready", key: published.slice(first, last) })
          line = end + 1
          continue
        }
      }
    }
    const found = published.indexOf("\n", line)
    const end = found < 0 ? published.length : found
    onMessage(decode(published.slice(line, end)))
    line = end + 1
  }
}
