/**
 * Ranks members by their scores, the highest or the lowest first. Of equal scores the earlier one ranks first.
 *
 * @since 0.1.0
 */

import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import type { RedisClient } from "../redis/RedisClient.js"
import * as Board from "./leaderboard/Board.js"
import type { Order } from "./leaderboard/BoardScript.js"
import * as Period from "./leaderboard/Period.js"
import type { Policy } from "./leaderboard/WriteScripts.js"
import type * as MemberCodec from "./MemberCodec.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  DescribedLeaderboard,
  DescribedMember,
  DescribedOptions,
  Leaderboard,
  RankedMember,
  Standing,
  Submission,
  SubmitOptions
} from "./leaderboard/Board.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Order
} from "./leaderboard/BoardScript.js"
export type {
  /**
   * A day or a week.
   *
   * @since 0.2.0
   * @category models
   */
  PeriodLength
} from "./leaderboard/Period.js"
export type {
  /**
   * Which of a member's scores a board keeps.
   *
   * @since 0.2.0
   * @category models
   */
  Policy
} from "./leaderboard/WriteScripts.js"
export type { Typed } from "./MemberCodec.js"

/**
 * The boards of days or weeks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaderboards<Member = string> {
  /** The board of the present day or week, by the server's clock at the moment of each operation. */
  readonly running: Board.Leaderboard<Member>
  /** Returns the board of the day or week that holds a moment, for reading it later and for late scores. */
  readonly at: (moment: DateTime.DateTime) => Board.Leaderboard<Member>
}

/**
 * The boards of days or weeks, with metadata.
 *
 * @since 0.2.0
 * @category models
 */
export interface DescribedLeaderboards<Member, Metadata> {
  readonly running: Board.DescribedLeaderboard<Member, Metadata>
  readonly at: (moment: DateTime.DateTime) => Board.DescribedLeaderboard<Member, Metadata>
}

/**
 * The schema of what stands beside each member. Its encoded side is the text in Redis: `Schema.parseJson` makes one of any schema.
 *
 * @since 0.2.0
 * @category models
 */
export interface Described<Metadata> {
  readonly metadata: Schema.Schema<Metadata, string>
}

/**
 * What every board is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** the name of the board, kept under `leaderboard:<key>`: a sorted set that other programs may read */
  readonly key: string
  /** which of a member's scores the board keeps; default `best` */
  readonly keeps?: Policy | undefined
  /**
   * Which score ranks first, and is the best one: default `highest`. `lowest` is for times. It must stay as it is for as long as the
   * board holds members.
   */
  readonly order?: Order | undefined
}

/**
 * The options of one board.
 *
 * @since 0.1.0
 * @category models
 */
export interface BoardOptions extends Options {
  /** how long the board is kept after its last submission; default: for ever */
  readonly timeToLive?: Duration.DurationInput | undefined
}

const checkOf = ({ key }: Options) => OptionCheck.make(`Leaderboard ${JSON.stringify(key)}`)

const rankingOf = ({ keeps = "best", order = "highest" }: Options): Board.Ranking => ({ keeps, order })

/** Makes one board by `make`, which is given where the board is. */
const board = <Made>(
  options: BoardOptions,
  make: (environment: Board.BoardEnvironment, placeAt: (serverMillis: number) => Board.Place) => Made
): Effect.Effect<Made, never, RedisClient> =>
  Effect.map(Board.environment, (environment) => {
    const { key, timeToLive } = options
    const place = {
      name: key,
      opening: undefined,
      timeToLiveMillis:
        timeToLive === undefined ? 0 : ArgumentCheck.optionMillis(checkOf(options), "timeToLive", timeToLive),
      expiresAt: 0
    }
    return make(environment, () => place)
  })

/**
 * Makes a board under `leaderboard:<key>`, with two keys beside it. With a `timeToLive` it is forgotten when nothing was
 * submitted for that long.
 *
 * Dies with `InvalidOption` when the time to live is not positive or longer than a server keeps a key.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Leaderboard } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const board = yield* Leaderboard.make({ key: "global" })
 *   yield* board.submit("ada", 1200)
 *   return yield* board.top({ offset: 0, limit: 10 })
 * })
 */
export function make<Member, Metadata>(
  options: BoardOptions & MemberCodec.Typed<Member> & Described<Metadata>
): Effect.Effect<Board.DescribedLeaderboard<Member, Metadata>, never, RedisClient>
export function make<Metadata>(
  options: BoardOptions & Described<Metadata>
): Effect.Effect<Board.DescribedLeaderboard<string, Metadata>, never, RedisClient>
export function make<Member>(
  options: BoardOptions & MemberCodec.Typed<Member>
): Effect.Effect<Board.Leaderboard<Member>, never, RedisClient>
export function make(options: BoardOptions): Effect.Effect<Board.Leaderboard, never, RedisClient>
export function make<Member, Metadata>(
  options: BoardOptions & Partial<MemberCodec.Typed<Member>> & Partial<Described<Metadata>>
) {
  return board(options, boardOf(options))
}

type AnyBoard<Member, Metadata> =
  | Board.Leaderboard
  | Board.Leaderboard<Member>
  | Board.DescribedLeaderboard<string, Metadata>
  | Board.DescribedLeaderboard<Member, Metadata>

/** How a board of these options is made, where its place is known. */
const boardOf = <Member, Metadata>(
  options: Options & Partial<MemberCodec.Typed<Member>> & Partial<Described<Metadata>>
): ((
  environment: Board.BoardEnvironment,
  placeAt: (serverMillis: number) => Board.Place
) => AnyBoard<Member, Metadata>) => {
  const ranking = rankingOf(options)
  const { member, metadata } = options
  const boardsOf =
    <M>(schema: Schema.Schema<M, string>) =>
    (environment: Board.BoardEnvironment, placeAt: (serverMillis: number) => Board.Place) =>
      metadata === undefined
        ? Board.make(environment, ranking, schema, placeAt)
        : Board.makeDescribed(environment, ranking, schema, metadata, placeAt)
  return member === undefined ? boardsOf(Schema.String) : boardsOf(member)
}

/**
 * The options of the boards of days or weeks.
 *
 * @since 0.1.0
 * @category models
 */
export interface WindowOptions extends Options {
  /** days and weeks of UTC; a week begins on Monday (ISO 8601) */
  readonly window: Period.PeriodLength
  /** how long each board is kept after its day or week has ended */
  readonly timeToLive: Duration.DurationInput
}

const windows = <Made>(
  options: WindowOptions,
  make: (environment: Board.BoardEnvironment, placeAt: (serverMillis: number) => Board.Place) => Made
): Effect.Effect<{ readonly running: Made; readonly at: (moment: DateTime.DateTime) => Made }, never, RedisClient> =>
  Effect.map(Board.environment, (environment) => {
    const { key, window } = options
    const lifeMillis = ArgumentCheck.optionMillis(checkOf(options), "timeToLive", options.timeToLive)
    const placeIn = ({ closes, name, opens }: Period.Period): Board.Place => ({
      name: `${key}:${name}`,
      opening: { opens, closes },
      timeToLiveMillis: 0,
      expiresAt: closes + lifeMillis
    })
    return {
      running: make(environment, (now) => placeIn(Period.at(window, DateTime.unsafeMake(now)))),
      at: (moment) => {
        const place = { ...placeIn(Period.at(window, DateTime.toUtc(moment))), opening: undefined }
        return make(environment, () => place)
      }
    }
  })

/**
 * Makes a board for each day or week, under `leaderboard:<key>:2026-11-25` or `leaderboard:<key>:2026-W48`. Each is deleted
 * `timeToLive` after its day or week has ended.
 *
 * Dies with `InvalidOption` when the time to live is not positive or longer than a server keeps a key.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Leaderboard } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const weekly = yield* Leaderboard.makeWindows({ key: "chess", window: "weekly", timeToLive: "4 weeks" })
 *   yield* weekly.running.submit("ada", 1200)
 *   return yield* weekly.running.rankOf("ada")
 * })
 */
export function makeWindows<Member, Metadata>(
  options: WindowOptions & MemberCodec.Typed<Member> & Described<Metadata>
): Effect.Effect<DescribedLeaderboards<Member, Metadata>, never, RedisClient>
export function makeWindows<Metadata>(
  options: WindowOptions & Described<Metadata>
): Effect.Effect<DescribedLeaderboards<string, Metadata>, never, RedisClient>
export function makeWindows<Member>(
  options: WindowOptions & MemberCodec.Typed<Member>
): Effect.Effect<Leaderboards<Member>, never, RedisClient>
export function makeWindows(options: WindowOptions): Effect.Effect<Leaderboards, never, RedisClient>
export function makeWindows<Member, Metadata>(
  options: WindowOptions & Partial<MemberCodec.Typed<Member>> & Partial<Described<Metadata>>
) {
  return windows(options, boardOf(options))
}
