/**
 * Members ranked by their scores, the highest first, and of equal ones the one that came first.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisServerError } from "../redis/RedisError.js"
import { finite, integerFrom, wholeKey, wholeMillis } from "./ArgumentChecks.js"
import * as BoardKeys from "./leaderboard/BoardKeys.js"
import { ScoreText } from "./leaderboard/BoardScript.js"
import * as ReadScripts from "./leaderboard/ReadScripts.js"
import * as Window from "./leaderboard/Window.js"
import * as WriteScripts from "./leaderboard/WriteScripts.js"
import * as MemberCodec from "./MemberCodec.js"

/**
 * A member's place: ranks count from 0, the highest score first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Standing {
  readonly rank: number
  readonly score: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RankedMember<Member = string> extends Standing {
  readonly member: Member
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Submission {
  /** the score that the board keeps */
  readonly score: number
  /** whether the member was not on the board before */
  readonly isNew: boolean
  /** whether the board keeps another score than before, or the member's first */
  readonly isChanged: boolean
}

/**
 * A board.
 *
 * Scores are doubles and kept exactly: integers up to 2^53, beyond which neighbours become the same score; fractions as
 * near as a double comes to them. Negative zero is zero. Equal scores rank by who reached the score first; a member whose
 * score changes comes anew. `docs/leaderboards.md` says what a board costs, and what other programs may do to its keys.
 *
 * Everything but a submission of a board that adds up may be repeated. A member that does not satisfy its schema or holds a
 * lone surrogate, a number that should be whole, a key whose braces are no hash tag or that belongs to something else, or a
 * time that no server keeps fails with `RedisServerError`, code `ERR`, before anything is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaderboard<Member = string> {
  /**
   * Enters a score. Repeating it after an unknown outcome does no harm where the best or the last score is kept, but
   * `isNew` and `isChanged` may then be false for a score that the first call entered; where scores add up it may count
   * twice. Fails with `RedisServerError`, code `ERR`, when the score, or the sum, is infinite or NaN.
   *
   * A board that copies another list takes the order of arrival from there: `arrival` is an integer from 0 up, and of
   * equal scores the smaller one ranks first.
   */
  readonly submit: (
    member: Member,
    score: number,
    options?: { readonly arrival?: number | undefined }
  ) => Effect.Effect<Submission, RedisError>
  /**
   * The members from rank `offset` on, at most `limit` of them; none when `limit` is not positive. What another program
   * has put there that is no member is left out, and its rank is missing.
   */
  readonly top: (page: {
    readonly offset: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<RankedMember<Member>>, RedisError>
  /** The member itself, up to `above` who rank before it, and up to `below` who rank after it; none when it is not there. */
  readonly around: (
    member: Member,
    neighbours: { readonly above: number; readonly below: number }
  ) => Effect.Effect<Option.Option<ReadonlyArray<RankedMember<Member>>>, RedisError>
  /** Rank and score as they were at one moment; none when the member is not on the board. */
  readonly rankOf: (member: Member) => Effect.Effect<Option.Option<Standing>, RedisError>
  /** How many percent of the others rank after the member: 100 for the first, also when there are no others, 0 for the last. */
  readonly percentileOf: (member: Member) => Effect.Effect<Option.Option<number>, RedisError>
  /** How many members there are. */
  readonly size: Effect.Effect<number, RedisError>
  /** Takes a member off the board and says whether it was there. */
  readonly remove: (member: Member) => Effect.Effect<boolean, RedisError>
  /** Takes everybody off the board. */
  readonly clear: Effect.Effect<void, RedisError>
}

/**
 * Boards for one day or week each.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaderboards<Member = string> {
  /** The board of the day or week that it is now. A submission goes by the server's clock, at the moment it is entered. */
  readonly running: Leaderboard<Member>
  /** The board of the day or week that holds a moment, for reading it when it is over, and for late scores. */
  readonly at: (moment: DateTime.DateTime) => Leaderboard<Member>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A sorted set of the members by score, which other programs may read. */
  readonly key: string
  /** Which of a member's scores is kept; default `best`. */
  readonly keeps?: WriteScripts.Policy | undefined
}

/** How often a read brings the board into step before it takes it as it is: another program may change it all the time. */
const passes = 2

/** Where a submission goes: to one board, or to the one that is open at the server's time. */
interface Place extends WriteScripts.Keeping {
  readonly keys: BoardKeys.BoardKeys
  readonly opening: WriteScripts.Opening | undefined
}

const refused = (command: string, detail: string) => Effect.fail(new RedisServerError({ command, code: "ERR", detail }))

interface Means {
  readonly client: RedisClient.Service
  /** of many who find a board out of step, one brings it back and the others wait for it */
  readonly mending: Effect.Semaphore
}

const means = Effect.all({ client: RedisClient, mending: Effect.makeSemaphore(1) })

/** A board at a place that is looked up for each call. */
const onPlace = <Member>(
  { client, mending }: Means,
  { keeps = "best", key }: Options,
  schema: Schema.Schema<Member, string>,
  placeAt: (serverMillis: number) => Effect.Effect<Place, RedisError>
): Leaderboard<Member> => {
  const members = MemberCodec.make(schema)
  const scoreOf = Schema.decodeSync(ScoreText)
  const runSubmit = client.run(WriteScripts.submit)
  const runAdd = client.run(WriteScripts.add)
  const runRemove = client.run(WriteScripts.remove)
  const runPage = client.run(ReadScripts.page)
  const runAround = client.run(ReadScripts.around)
  const runMend = client.run(ReadScripts.mend)

  const place = Effect.suspend(() =>
    BoardKeys.hasSlotmates(key)
      ? Effect.zipRight(wholeKey("leaderboard", client, key), Effect.flatMap(client.serverTime, placeAt))
      : refused("leaderboard", `the braces of ${key} are no hash tag`)
  )

  const enter = (
    member: string,
    score: number,
    arrival: number | undefined,
    at: Place
  ): Effect.Effect<Submission, RedisError> => {
    const { expiresAt, keys, opening, timeToLiveMillis } = at
    const input = { keys, member, score, arrival, opening, timeToLiveMillis, expiresAt }
    return Effect.flatMap(
      keeps === "sum" ? runAdd({ ...input, policy: keeps }) : runSubmit({ ...input, policy: keeps }),
      ([isNew, second, kept]) => {
        if (isNew === WriteScripts.refusals.notFinite) return refused(WriteScripts.add.name, "the sum is not finite")
        return isNew === WriteScripts.refusals.notOpen
          ? Effect.flatMap(placeAt(second), (open) => enter(member, score, arrival, open))
          : Effect.succeed({ score: kept, isNew: isNew === 1, isChanged: second === 1 })
      }
    )
  }

  const mend = (keys: BoardKeys.BoardKeys) =>
    Effect.iterate(
      { from: 0, isOver: false },
      {
        while: ({ isOver }) => !isOver,
        body: ({ from }) =>
          Effect.map(runMend({ keys, from }), (seen) => ({
            from: from + ReadScripts.mendedAtOnce,
            isOver: seen < ReadScripts.mendedAtOnce
          }))
      }
    )

  type Reply = Effect.Effect.Success<ReturnType<typeof runPage>>

  const isOutOfStep = ([state]: Reply) => state === ReadScripts.states.outOfStep

  const inStep = (
    read: (input: { readonly keys: BoardKeys.BoardKeys; readonly anyway: boolean }) => Effect.Effect<Reply, RedisError>
  ): Effect.Effect<Reply, RedisError> =>
    Effect.flatMap(place, ({ keys }) => {
      const attempt = (left: number): Effect.Effect<Reply, RedisError> =>
        Effect.flatMap(read({ keys, anyway: left === 0 }), (reply) =>
          isOutOfStep(reply) ? Effect.zipRight(mended, attempt(left - 1)) : Effect.succeed(reply)
        )
      const mended = read({ keys, anyway: false }).pipe(
        Effect.flatMap((reply) => Effect.when(mend(keys), () => isOutOfStep(reply))),
        mending.withPermits(1)
      )
      return attempt(passes)
    })

  const rows = ([, first, , texts]: Reply): ReadonlyArray<RankedMember<Member>> => {
    const ranked: Array<RankedMember<Member>> = []
    for (let i = 0; i + 1 < texts.length; i += 2) {
      const member = members.decode(texts[i] ?? "")
      if (Option.isSome(member)) {
        ranked.push({ rank: first + i / 2, member: member.value, score: scoreOf(texts[i + 1] ?? "") })
      }
    }
    return ranked
  }

  const found = (member: Member, above: number, below: number) =>
    Effect.gen(function* () {
      yield* integerFrom(ReadScripts.around.name, "a number of neighbours", 0, above)
      yield* integerFrom(ReadScripts.around.name, "a number of neighbours", 0, below)
      const text = yield* members.encode(ReadScripts.around.name, member)
      const reply = yield* inStep((input) => runAround({ ...input, member: text, above, below }))
      return reply[0] === ReadScripts.states.found ? Option.some(reply) : Option.none()
    })

  return {
    submit: Effect.fnUntraced(function* (member, score, { arrival } = {}) {
      const { name } = keeps === "sum" ? WriteScripts.add : WriteScripts.submit
      yield* finite(name, "a score", score)
      if (arrival !== undefined) yield* integerFrom(name, "an arrival", 0, arrival)
      const text = yield* members.encode(name, member)
      return yield* enter(text, score, arrival, yield* place)
    }),
    top: Effect.fnUntraced(function* ({ limit, offset }) {
      const first = yield* integerFrom(ReadScripts.page.name, "the offset", Number.MIN_SAFE_INTEGER, offset)
      const most = yield* integerFrom(ReadScripts.page.name, "the limit", Number.MIN_SAFE_INTEGER, limit)
      if (most <= 0) return []
      return rows(yield* inStep((input) => runPage({ ...input, offset: Math.max(first, 0), limit: most })))
    }),
    around: (member, { above, below }) => Effect.map(found(member, above, below), Option.map(rows)),
    rankOf: (member) =>
      Effect.map(
        found(member, 0, 0),
        Option.map(([, rank, , [, score = ""]]) => ({ rank, score: scoreOf(score) }))
      ),
    percentileOf: (member) =>
      Effect.map(
        found(member, 0, 0),
        Option.map(([, rank, size]) => (size <= 1 ? 100 : ((size - 1 - rank) / (size - 1)) * 100))
      ),
    size: Effect.flatMap(place, ({ keys }) => client.zcard(keys.board)),
    remove: (member) =>
      Effect.gen(function* () {
        const text = yield* members.encode(WriteScripts.remove.name, member)
        const { keys } = yield* place
        return (yield* runRemove({ keys, member: text })) === 1
      }),
    clear: Effect.flatMap(place, ({ keys }) => Effect.asVoid(client.del(...BoardKeys.list(keys))))
  }
}

/**
 * How long a board is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface BoardOptions extends Options {
  /** default: permanent */
  readonly timeToLive?: Duration.DurationInput | undefined
}

const board = <Member>(
  options: BoardOptions,
  member: Schema.Schema<Member, string>
): Effect.Effect<Leaderboard<Member>, never, RedisClient> =>
  Effect.map(means, (means) => {
    const { key, timeToLive } = options
    const keys = BoardKeys.make(key)
    const checkedLife =
      timeToLive === undefined
        ? Effect.succeed(0)
        : wholeMillis(WriteScripts.submit.name, "the time to live", timeToLive)
    return onPlace(means, options, member, () =>
      Effect.map(checkedLife, (timeToLiveMillis) => ({ keys, opening: undefined, timeToLiveMillis, expiresAt: 0 }))
    )
  })

/**
 * A board under `key`, and two keys beside it. Without `timeToLive` it is permanent; with it the board is forgotten when
 * nothing was submitted for so long.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Leaderboard } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const board = yield* Leaderboard.make({ key: "leaderboard:global" })
 *   yield* board.submit("ada", 1200)
 *   return yield* board.top({ offset: 0, limit: 10 })
 * })
 */
export function make<Member>(
  options: BoardOptions & MemberCodec.Typed<Member>
): Effect.Effect<Leaderboard<Member>, never, RedisClient>
export function make(options: BoardOptions): Effect.Effect<Leaderboard, never, RedisClient>
export function make<Member>(options: BoardOptions & Partial<MemberCodec.Typed<Member>>) {
  return options.member === undefined ? board(options, Schema.String) : board(options, options.member)
}

/**
 * How long boards of days or weeks are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface WindowOptions extends Options {
  /** Days and weeks are those of UTC; a week begins on Monday (ISO 8601). */
  readonly window: Window.Length
  /** for how long a board is kept when its day or week is over */
  readonly timeToLive: Duration.DurationInput
}

const windows = <Member>(
  options: WindowOptions,
  member: Schema.Schema<Member, string>
): Effect.Effect<Leaderboards<Member>, never, RedisClient> =>
  Effect.map(means, (means) => {
    const checkedLife = wholeMillis(WriteScripts.submit.name, "the time to live", options.timeToLive)
    const placeIn = ({ closes, name, opens }: Window.Window) =>
      Effect.map(checkedLife, (lifeMillis) => ({
        keys: BoardKeys.make(`${options.key}:${name}`),
        opening: { opens, closes },
        timeToLiveMillis: 0,
        expiresAt: closes + lifeMillis
      }))
    return {
      running: onPlace(means, options, member, (now) => placeIn(Window.at(options.window, DateTime.unsafeMake(now)))),
      at: (moment) => {
        const window = Window.at(options.window, DateTime.toUtc(moment))
        return onPlace(means, options, member, () =>
          Effect.map(placeIn(window), (place) => ({ ...place, opening: undefined }))
        )
      }
    }
  })

/**
 * A board for each day or week, under `key:2026-11-25` or `key:2026-W48`. Each expires by itself, `timeToLive` after its
 * day or week is over.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Leaderboard } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const weekly = yield* Leaderboard.makeWindows({ key: "leaderboard:week", window: "weekly", timeToLive: "4 weeks" })
 *   yield* weekly.running.submit("ada", 1200)
 *   return yield* weekly.running.rankOf("ada")
 * })
 */
export function makeWindows<Member>(
  options: WindowOptions & MemberCodec.Typed<Member>
): Effect.Effect<Leaderboards<Member>, never, RedisClient>
export function makeWindows(options: WindowOptions): Effect.Effect<Leaderboards, never, RedisClient>
export function makeWindows<Member>(options: WindowOptions & Partial<MemberCodec.Typed<Member>>) {
  return options.member === undefined ? windows(options, Schema.String) : windows(options, options.member)
}
