/**
 * Commands on sorted sets.
 *
 * @since 0.1.0
 */

import type { RankedMember } from "../store/SortedSet.js"
import * as SortedSet from "../store/SortedSet.js"
import type { Value } from "../store/Store.js"
import * as Arguments from "./Arguments.js"
import type { Change, Command, Commands } from "./Command.js"
import { changing, pairs, reading } from "./Command.js"
import type { ErrorReply, Reply } from "./Reply.js"
import { error, isError, notAnInteger, Score, ScoredMembers, syntaxError } from "./Reply.js"

const isSortedSet = (value: Value): value is SortedSet.SortedSet =>
  typeof value !== "string" && value._tag === "SortedSet"

const notAFloat = () => error("value is not a valid float")

const scoreOrNull = (score: number | undefined): Reply => (score === undefined ? null : new Score({ score }))

const changed = (set: SortedSet.SortedSet, reply: Reply): Change<SortedSet.SortedSet> => ({
  reply,
  value: SortedSet.size(set) === 0 ? undefined : set
})

interface Additions {
  readonly flags: ReadonlySet<string>
  readonly members: ReadonlyArray<RankedMember>
}

const additionFlags = new Set(["NX", "XX", "GT", "LT", "CH", "INCR"])

const parseAdditions = (args: ReadonlyArray<string>): Additions | ErrorReply => {
  const first = args.findIndex((arg) => !additionFlags.has(arg.toUpperCase()))
  const flags = new Set(args.slice(0, first < 0 ? args.length : first).map((flag) => flag.toUpperCase()))
  const scored = pairs(first < 0 ? [] : args.slice(first))
  if (scored === undefined || scored.length === 0) return syntaxError()
  if (flags.has("NX") && flags.has("XX")) {
    return error("XX and NX options at the same time are not compatible")
  }
  if (["NX", "GT", "LT"].filter((flag) => flags.has(flag)).length > 1) {
    return error("GT, LT, and/or NX options at the same time are not compatible")
  }
  if (flags.has("INCR") && scored.length > 1) return error("INCR option supports a single increment-element pair")
  return parseMembers(flags, scored)
}

const parseMembers = (
  flags: ReadonlySet<string>,
  scored: ReadonlyArray<readonly [score: string, member: string]>
): Additions | ErrorReply => {
  const members: Array<RankedMember> = []
  for (const [text, member] of scored) {
    const score = Arguments.parseScore(text)
    if (score === undefined) return notAFloat()
    members.push({ member, score })
  }
  return { flags, members }
}

const allows = (flags: ReadonlySet<string>, current: number | undefined, next: number): boolean => {
  if (current === undefined) return !flags.has("XX")
  if (flags.has("NX")) return false
  return !(flags.has("GT") && next <= current) && !(flags.has("LT") && next >= current)
}

const addAll = (
  before: SortedSet.SortedSet,
  { flags, members }: Additions
): Change<SortedSet.SortedSet> | ErrorReply => {
  const increments = flags.has("INCR")
  let set = before
  let added = 0
  let moved = 0
  let score: number | undefined
  for (const addition of members) {
    const current = SortedSet.score(set, addition.member)
    const next = increments ? (current ?? 0) + addition.score : addition.score
    if (Number.isNaN(next)) return error("resulting score is not a number (NaN)")
    if (!allows(flags, current, next)) continue
    score = next
    if (current === next) continue
    set = SortedSet.add(set, addition.member, next)
    if (current === undefined) added++
    else moved++
  }
  return changed(set, increments ? scoreOrNull(score) : flags.has("CH") ? added + moved : added)
}

const removeAll = (set: SortedSet.SortedSet, members: ReadonlyArray<string>): Change<SortedSet.SortedSet> => {
  const rest = members.reduce(SortedSet.remove, set)
  return changed(rest, SortedSet.size(set) - SortedSet.size(rest))
}

interface Ranks {
  readonly start: number
  readonly end: number
}

/** A range as a function of the set, since both negative ranks and scores mean something else in each. */
type Range = (set: SortedSet.SortedSet) => Ranks

/** Ranks from `start` to `stop`, both included, negative ones counted from the end. */
const parseRanks = ([first, last]: ReadonlyArray<string>): Range | ErrorReply => {
  const start = Arguments.parseInteger(first)
  const stop = Arguments.parseInteger(last)
  if (start === undefined || stop === undefined) return notAnInteger()
  return (set) => {
    const size = SortedSet.size(set)
    return { start: Math.max(0, start < 0 ? size + start : start), end: (stop < 0 ? size + stop : stop) + 1 }
  }
}

const parseScores = ([lowest, highest]: ReadonlyArray<string>): Range | ErrorReply => {
  const min = Arguments.parseBound(lowest)
  const max = Arguments.parseBound(highest)
  if (min === undefined || max === undefined) return error("min or max is not a float")
  return (set) => SortedSet.ranksBetween(set, min, max)
}

interface RangeOptions {
  readonly withScores: boolean
  readonly reverse: boolean
  readonly byScore: boolean
  readonly limit: { readonly offset: number; readonly count: number } | undefined
}

const parseRangeOptions = (args: ReadonlyArray<string>, command: RangeCommand): RangeOptions | ErrorReply => {
  let { reverse = false, byScore = false } = command
  let withScores = false
  let limit: RangeOptions["limit"]
  for (let i = 0; i < args.length; i++) {
    const option = (args[i] ?? "").toUpperCase()
    if (option === "WITHSCORES") {
      withScores = true
    } else if (option === "LIMIT" && i + 2 < args.length) {
      const offset = Arguments.parseInteger(args[i + 1])
      const count = Arguments.parseInteger(args[i + 2])
      if (offset === undefined || count === undefined) return notAnInteger()
      limit = { offset, count }
      i += 2
    } else if (option === "REV" && command.reverse === undefined && !reverse) {
      reverse = true
    } else if (option === "BYSCORE" && command.byScore === undefined && !byScore) {
      byScore = true
    } else {
      return syntaxError()
    }
  }
  // a server takes a count of -1 for no limit at all
  if (limit !== undefined && limit.count !== -1 && !byScore) {
    return error("syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
  }
  return { withScores, reverse, byScore, limit: byScore ? limit : undefined }
}

/** What the command's name decides; what it leaves open is an option. */
interface RangeCommand {
  readonly reverse?: boolean
  readonly byScore?: boolean
}

interface RangeRequest extends RangeOptions {
  readonly range: Range
}

const parseRange = (args: ReadonlyArray<string>, command: RangeCommand): RangeRequest | ErrorReply => {
  const [first = "", last = "", ...rest] = args
  const options = parseRangeOptions(rest, command)
  if (isError(options)) return options
  const range = options.byScore
    ? parseScores(options.reverse ? [last, first] : [first, last])
    : parseRanks([first, last])
  return isError(range) ? range : { ...options, range }
}

const readRange = (set: SortedSet.SortedSet, request: RangeRequest): Reply => {
  const members = membersOf(set, request)
  return request.withScores ? new ScoredMembers({ members }) : members.map(({ member }) => member)
}

const membersOf = (set: SortedSet.SortedSet, { range, reverse, byScore, limit }: RangeRequest): Array<RankedMember> => {
  const size = SortedSet.size(set)
  const ranks = range(set)
  // what is counted from the highest score: a range of ranks as it is, one of scores when it is read in reverse
  const fromTop = reverse && byScore ? { start: size - ranks.end, end: size - ranks.start } : ranks
  const { start, end } = limited(fromTop, limit)
  return reverse ? SortedSet.slice(set, size - end, size - start).reverse() : SortedSet.slice(set, start, end)
}

const limited = (ranks: Ranks, limit: RangeOptions["limit"]): Ranks => {
  if (limit === undefined) return ranks
  const start = limit.offset < 0 ? ranks.end : ranks.start + limit.offset
  return { start, end: limit.count < 0 ? ranks.end : Math.min(ranks.end, start + limit.count) }
}

const ranging = (command: RangeCommand): Command =>
  reading(isSortedSet, {
    arity: -4,
    parse: (args) => parseRange(args, command),
    run: (set = SortedSet.empty, request) => readRange(set, request)
  })

const removing = (parse: (args: ReadonlyArray<string>) => Range | ErrorReply): Command =>
  changing(isSortedSet, {
    arity: 4,
    parse,
    run: (set = SortedSet.empty, range) => {
      const { start, end } = range(set)
      return removeAll(
        set,
        SortedSet.slice(set, start, end).map(({ member }) => member)
      )
    }
  })

const one = ([member = ""]: ReadonlyArray<string>): string => member

/**
 * @since 0.1.0
 * @category commands
 */
export const sortedSetCommands: Commands = {
  ZADD: changing(isSortedSet, {
    arity: -4,
    parse: parseAdditions,
    run: (set = SortedSet.empty, additions) => addAll(set, additions)
  }),
  ZINCRBY: changing(isSortedSet, {
    arity: 4,
    parse: ([increment = "", member = ""]) => parseMembers(new Set(["INCR"]), [[increment, member]]),
    run: (set = SortedSet.empty, additions) => addAll(set, additions)
  }),
  ZREM: changing(isSortedSet, {
    arity: -3,
    parse: (members) => members,
    run: (set = SortedSet.empty, members) => removeAll(set, members)
  }),
  ZREMRANGEBYRANK: removing(parseRanks),
  ZREMRANGEBYSCORE: removing(parseScores),
  ZCARD: reading(isSortedSet, { arity: 2, parse: one, run: (set = SortedSet.empty) => SortedSet.size(set) }),
  ZSCORE: reading(isSortedSet, {
    arity: 3,
    parse: one,
    run: (set = SortedSet.empty, member) => scoreOrNull(SortedSet.score(set, member))
  }),
  ZRANK: reading(isSortedSet, {
    arity: 3,
    parse: one,
    run: (set = SortedSet.empty, member) => SortedSet.rank(set, member) ?? null
  }),
  ZREVRANK: reading(isSortedSet, {
    arity: 3,
    parse: one,
    run: (set = SortedSet.empty, member) => {
      const rank = SortedSet.rank(set, member)
      return rank === undefined ? null : SortedSet.size(set) - 1 - rank
    }
  }),
  ZCOUNT: reading(isSortedSet, {
    arity: 4,
    parse: parseScores,
    run: (set = SortedSet.empty, range) => {
      const { start, end } = range(set)
      return Math.max(0, end - start)
    }
  }),
  ZRANGE: ranging({}),
  ZREVRANGE: ranging({ reverse: true, byScore: false }),
  ZRANGEBYSCORE: ranging({ reverse: false, byScore: true }),
  ZREVRANGEBYSCORE: ranging({ reverse: true, byScore: true })
}
