/**
 * Which primary holds which slots, as CLUSTER SLOTS answers it.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { describeNode, type NodeAddress } from "../RedisAddress.js"
import * as Slots from "./Slots.js"

/** Parses `host:port`. The host may be an IPv6 address, with or without brackets, or empty. */
export const addressOf = (name: string): NodeAddress | undefined => {
  const { bracketed, plain, port } =
    /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>.*)):(?<port>\d{1,5})$/.exec(name)?.groups ?? {}
  // Node 20 knows no two groups of one name
  const host = bracketed ?? plain
  return host === undefined || port === undefined ? undefined : { host, port: Number(port) }
}

/** A primary, with its slots from the first to the last of each range. */
export interface Primary {
  readonly address: NodeAddress
  readonly ranges: ReadonlyArray<readonly [first: number, last: number]>
  readonly replicas: number
}

const Node = Schema.Tuple([Schema.NullOr(Schema.String), Schema.Int], Schema.Unknown)
const Slot = Schema.Int.pipe(Schema.between(0, Slots.slotCount - 1))
const Range = Schema.Tuple([Slot, Slot, Node], Node)
const decode = Schema.decodeUnknownEither(Schema.Array(Range))

/**
 * The primaries of a reply. Left says what does not fit. A server that does not know its own address leaves it out: it is
 * the address at which it was `asked`.
 */
export const parse = (
  reply: unknown,
  asked: NodeAddress,
  map: (announced: NodeAddress) => NodeAddress
): Either.Either<ReadonlyArray<Primary>, string> =>
  Either.mapBoth(decode(reply), {
    onLeft: ParseResult.TreeFormatter.formatErrorSync,
    onRight: (ranges) => {
      const primaries = new Map<
        string,
        { address: NodeAddress; ranges: Array<readonly [number, number]>; replicas: number }
      >()
      for (const [first, last, [host, port], ...replicas] of ranges) {
        const address = map({ host: host === null || host === "" ? asked.host : host, port })
        const name = describeNode(address)
        const primary = primaries.get(name) ?? { address, ranges: [], replicas: replicas.length }
        primary.ranges.push([first, last])
        primaries.set(name, primary)
      }
      return Array.from(primaries.values())
    }
  })
