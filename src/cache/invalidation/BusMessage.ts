/**
 * The messages that the processes of one cache publish to each other (rule 11 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

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

const Message = Schema.parseJson(
  Schema.Struct({
    from: Schema.String,
    kind: Schema.Literal("key", "ready", "tag", "clear"),
    key: Schema.optional(Schema.String)
  })
)

/**
 * @since 0.1.0
 * @category getters
 */
export const encode = ({ from, key, kind }: BusMessage): string => JSON.stringify({ from, kind, key })

/**
 * The messages of what was published at once: scripts that run several calls publish a line for each.
 *
 * @since 0.2.0
 * @category getters
 */
export const split = (published: string): ReadonlyArray<string> => published.split("\n")

/**
 * None for a text that is no message, such as one of another version of this library.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decode: (text: string) => Option.Option<BusMessage> = Schema.decodeUnknownOption(Message)

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
