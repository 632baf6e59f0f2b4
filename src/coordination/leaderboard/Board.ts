/**
 * One board: its operations, at a place that each call looks up.
 *
 * A read checks that the three keys of the board agree. When another program has changed one of them, the read first brings
 * them back into agreement.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as MemberCodec from "../MemberCodec.js"
import * as BoardKeys from "./BoardKeys.js"
import { type Order, ScoreText, signOf } from "./BoardScript.js"
import * as ReadScripts from "./ReadScripts.js"
import * as WriteScripts from "./WriteScripts.js"

/**
 * The place of a member. Ranks count from 0, the highest score first, or the lowest where the board says so.
 *
 * @since 0.1.0
 * @category models
 */
export interface Standing {
  readonly rank: number
  readonly score: number
}

/**
 * A member with its place.
 *
 * @since 0.1.0
 * @category models
 */
export interface RankedMember<Member = string> extends Standing {
  readonly member: Member
}

/**
 * A member with its place and its metadata. None where another program has entered the member, or its schema rejects the text.
 *
 * @since 0.2.0
 * @category models
 */
export interface DescribedMember<Member, Metadata> extends RankedMember<Member> {
  readonly metadata: Option.Option<Metadata>
}

/**
 * What a submission says besides member and score.
 *
 * @since 0.2.0
 * @category models
 */
export interface SubmitOptions {
  /**
   * An integer of at least 0, which replaces the order of arrival: of equal scores the smaller one ranks first. It is for a board
   * that copies a list kept elsewhere. Default: the submission is the latest.
   */
  readonly arrival?: number | undefined
}

/**
 * What a submission says on a board with metadata.
 *
 * @since 0.2.0
 * @category models
 */
export interface DescribedOptions<Metadata> extends SubmitOptions {
  /** stands beside the member together with the score: a score that the board does not take leaves both as they are */
  readonly metadata: Metadata
}

/**
 * What a submission changed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Submission {
  /** the score that the board keeps */
  readonly score: number
  /** whether the member was not on the board before */
  readonly isNew: boolean
  /** whether the kept score changed, or is the member's first */
  readonly isChanged: boolean
}

/**
 * A board.
 *
 * Scores are doubles and kept exactly: integers up to 2^53, fractions as near as a double comes. Negative zero is zero. Of
 * equal scores the earlier one ranks first; a member whose score changes counts as later. `docs/leaderboards.md` says what a
 * board costs, and what other programs may do to its keys.
 *
 * Every operation may be repeated, except a submission to a board that keeps sums. A member, number or key that cannot be
 * right fails with `InvalidArgument` before anything is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaderboard<Member = string, Row = RankedMember<Member>> {
  /**
   * Submits a score. Fails when the score, or the sum, is infinite or NaN.
   *
   * After an unknown outcome it may be repeated where the board keeps the best or the last score. `isNew` and `isChanged` may
   * then be false for a score that the first call submitted. Where the board keeps sums, the score may count twice.
   */
  readonly submit: (member: Member, score: number, options?: SubmitOptions) => Effect.Effect<Submission, RedisError>
  /**
   * Lists at most `limit` members from rank `offset` on; none when `limit` is not positive. A text that is no member is left
   * out, and its rank is missing.
   */
  readonly top: (page: {
    readonly offset: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Row>, RedisError>
  /** Lists a member with up to `above` members before it and up to `below` after it. None when it is not on the board. */
  readonly around: (
    member: Member,
    neighbours: { readonly above: number; readonly below: number }
  ) => Effect.Effect<Option.Option<ReadonlyArray<Row>>, RedisError>
  /** Reads rank and score of a member at one moment. None when it is not on the board. */
  readonly rankOf: (member: Member) => Effect.Effect<Option.Option<Standing>, RedisError>
  /** Computes the percentage of the other members that rank after a member: 100 for the first or only one, 0 for the last. */
  readonly percentileOf: (member: Member) => Effect.Effect<Option.Option<number>, RedisError>
  /** Counts the members. */
  readonly size: Effect.Effect<number, RedisError>
  /** Removes a member and returns whether it was on the board. */
  readonly remove: (member: Member) => Effect.Effect<boolean, RedisError>
  /** Removes every member. */
  readonly clear: Effect.Effect<void, RedisError>
}

/**
 * A board with metadata, which stands beside each member: it is entered in one step with the score, read in one with a page, and
 * removed with the member.
 *
 * @since 0.2.0
 * @category models
 */
export interface DescribedLeaderboard<Member, Metadata>
  extends Omit<Leaderboard<Member, DescribedMember<Member, Metadata>>, "submit"> {
  /**
   * Submits a score with the metadata that belong to it, like `submit` of a board without them. The metadata are taken with the
   * score. On a board that keeps the last score or the sum they are always taken.
   */
  readonly submit: (
    member: Member,
    score: number,
    options: DescribedOptions<Metadata>
  ) => Effect.Effect<Submission, RedisError>
  /** Replaces the metadata of a member, and leaves score and rank. Returns whether the member is on the board. */
  readonly describe: (member: Member, metadata: Metadata) => Effect.Effect<boolean, RedisError>
}

/**
 * Where a submission goes: to one board, or to the one that is open at the server's time.
 *
 * @since 0.2.0
 * @category models
 */
export interface Place extends WriteScripts.Keeping {
  /** the name of the board, kept under `leaderboard:<name>` */
  readonly name: string
  readonly opening: WriteScripts.Opening | undefined
}

/**
 * What the boards of one client share.
 *
 * @since 0.2.0
 * @category models
 */
export interface BoardEnvironment {
  readonly client: RedisClient.Service
  /** of several reads that find a board in disagreement one repairs it, and the others wait */
  readonly repairing: Effect.Semaphore
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const environment: Effect.Effect<BoardEnvironment, never, RedisClient> = Effect.all({
  client: RedisClient,
  repairing: Effect.makeSemaphore(1)
})

/**
 * How often a submission follows the clock of a board's server to another board. In a cluster each day's board may lie on
 * another server. Around midnight the clocks of two servers may each name the other's board.
 */
const maxFollowed = 2

/** How often a read repairs the board before it takes it as it is: another program may change it all the time. */
const maxRepairs = 2

/**
 * Which scores a board keeps and how it ranks them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ranking {
  readonly keeps: WriteScripts.Policy
  readonly order: Order
}

/**
 * Makes a board whose place is a function of the server's time in milliseconds.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Member>(
  environment: BoardEnvironment,
  ranking: Ranking,
  member: Schema.Schema<Member, string>,
  placeAt: (serverMillis: number) => Place
): Leaderboard<Member> => {
  const { submitting, ...board } = onPlace(environment, ranking, member, placeAt, false, (row) => row)
  return { ...board, submit: (member, score, options) => submitting(member, score, options, () => Effect.succeed("")) }
}

/**
 * Makes a board with metadata.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeDescribed = <Member, Metadata>(
  environment: BoardEnvironment,
  ranking: Ranking,
  member: Schema.Schema<Member, string>,
  metadata: Schema.Schema<Metadata, string>,
  placeAt: (serverMillis: number) => Place
): DescribedLeaderboard<Member, Metadata> => {
  const descriptions = MemberCodec.make(metadata, "metadata")
  const { describing, submitting, ...board } = onPlace(environment, ranking, member, placeAt, true, (row, text) => ({
    ...row,
    metadata: text.startsWith("=") ? descriptions.decode(text.slice(1)) : Option.none()
  }))
  return {
    ...board,
    submit: (member, score, options) =>
      submitting(member, score, options, (command) => descriptions.encode(command, options.metadata)),
    describe: (member, metadata) =>
      Effect.flatMap(descriptions.encode(WriteScripts.describe.name, metadata), (text) => describing(member, text))
  }
}

/** The operations of a board. `rowOf` makes a row of a ranked member and the text of its metadata. */
const onPlace = <Member, Row>(
  { client, repairing }: BoardEnvironment,
  { keeps, order }: Ranking,
  schema: Schema.Schema<Member, string>,
  placeAt: (serverMillis: number) => Place,
  isDescribed: boolean,
  rowOf: (ranked: RankedMember<Member>, metadata: string) => Row
) => {
  const members = MemberCodec.make(schema)
  const decodeScore = Schema.decodeSync(ScoreText)
  // zero is never negative
  const scoreOf = (text: string): number => signOf(order) * decodeScore(text) + 0
  const runSubmit = client.run(WriteScripts.submit)
  const runAdd = client.run(WriteScripts.add)
  const runDescribe = client.run(WriteScripts.describe)
  const runRemove = client.run(WriteScripts.remove)
  const runPage = client.run(ReadScripts.page)
  const runAround = client.run(ReadScripts.around)
  const runRepair = client.run(ReadScripts.repair)

  const keysOf = ({ name }: Place): Effect.Effect<BoardKeys.BoardKeys, RedisError> =>
    BoardKeys.hasSlotmates(name)
      ? Effect.map(KeyOwner.keyOf("leaderboard", client, "leaderboard", name), (key) =>
          BoardKeys.make(key, isDescribed)
        )
      : ArgumentCheck.reject("leaderboard", "key", name, "without braces, or with one hash tag such as {tag}")

  const place = Effect.map(client.serverTime, placeAt)
  const keys = Effect.flatMap(place, keysOf)

  const enter = (
    entry: Pick<WriteScripts.SubmitInput, "member" | "score" | "arrival" | "metadata">,
    at: Place,
    left = maxFollowed
  ): Effect.Effect<Submission, RedisError> =>
    Effect.flatMap(keysOf(at), (keys) => {
      const { expiresAt, timeToLiveMillis } = at
      const opening = left === 0 ? undefined : at.opening
      const input = { ...entry, keys, order, opening, timeToLiveMillis, expiresAt }
      return Effect.flatMap(
        keeps === "sum" ? runAdd({ ...input, policy: keeps }) : runSubmit({ ...input, policy: keeps }),
        ([isNew, second, kept]) => {
          if (isNew === WriteScripts.rejections.notFinite) {
            return ArgumentCheck.reject(WriteScripts.add.name, "score", entry.score, "small enough for a finite sum")
          }
          return isNew === WriteScripts.rejections.notOpen
            ? enter(entry, placeAt(second), left - 1)
            : Effect.succeed({ score: kept, isNew: isNew === 1, isChanged: second === 1 })
        }
      )
    })

  const repair = (keys: BoardKeys.BoardKeys) =>
    Effect.iterate(
      { from: 0, isDone: false },
      {
        while: ({ isDone }) => !isDone,
        body: ({ from }) =>
          Effect.map(runRepair({ keys, from, order }), (examined) => ({
            from: from + ReadScripts.repairedAtOnce,
            isDone: examined < ReadScripts.repairedAtOnce
          }))
      }
    )

  type Reply = Effect.Effect.Success<ReturnType<typeof runPage>>

  const isInconsistent = ([state]: Reply) => state === ReadScripts.states.inconsistent

  const consistent = (
    read: (input: { readonly keys: BoardKeys.BoardKeys; readonly anyway: boolean }) => Effect.Effect<Reply, RedisError>
  ): Effect.Effect<Reply, RedisError> =>
    Effect.flatMap(keys, (keys) => {
      const attempt = (left: number): Effect.Effect<Reply, RedisError> =>
        Effect.flatMap(read({ keys, anyway: left === 0 }), (reply) =>
          isInconsistent(reply) ? Effect.zipRight(repaired, attempt(left - 1)) : Effect.succeed(reply)
        )
      const repaired = read({ keys, anyway: false }).pipe(
        Effect.flatMap((reply) => Effect.when(repair(keys), () => isInconsistent(reply))),
        repairing.withPermits(1)
      )
      return attempt(maxRepairs)
    })

  const rows = ([, first, , texts, metadata]: Reply): ReadonlyArray<Row> => {
    const ranked: Array<Row> = []
    for (let i = 0; i + 1 < texts.length; i += 2) {
      const member = members.decode(texts[i] ?? "")
      if (Option.isSome(member)) {
        const row = { rank: first + i / 2, member: member.value, score: scoreOf(texts[i + 1] ?? "") }
        ranked.push(rowOf(row, metadata[i / 2] ?? ""))
      }
    }
    return ranked
  }

  const found = (member: Member, above: number, below: number) =>
    Effect.gen(function* () {
      yield* ArgumentCheck.integerFrom(ReadScripts.around.name, "above", 0, above)
      yield* ArgumentCheck.integerFrom(ReadScripts.around.name, "below", 0, below)
      const text = yield* members.encode(ReadScripts.around.name, member)
      const reply = yield* consistent((input) => runAround({ ...input, member: text, above, below }))
      return reply[0] === ReadScripts.states.found ? Option.some(reply) : Option.none()
    })

  return {
    submitting: Effect.fnUntraced(function* (
      member: Member,
      score: number,
      { arrival }: SubmitOptions = {},
      metadataIn: (command: string) => Effect.Effect<string, RedisError>
    ) {
      const { name } = keeps === "sum" ? WriteScripts.add : WriteScripts.submit
      yield* ArgumentCheck.finite(name, "score", score)
      if (arrival !== undefined) yield* ArgumentCheck.integerFrom(name, "arrival", 0, arrival)
      const text = yield* members.encode(name, member)
      const metadata = yield* metadataIn(name)
      return yield* enter({ member: text, score, arrival, metadata }, yield* place)
    }),
    describing: Effect.fnUntraced(function* (member: Member, metadata: string) {
      const text = yield* members.encode(WriteScripts.describe.name, member)
      return (yield* runDescribe({ keys: yield* keys, member: text, metadata })) === 1
    }),
    top: Effect.fnUntraced(function* ({ limit, offset }: { readonly offset: number; readonly limit: number }) {
      const first = yield* ArgumentCheck.integer(ReadScripts.page.name, "offset", offset)
      const most = yield* ArgumentCheck.integer(ReadScripts.page.name, "limit", limit)
      if (most <= 0) return []
      return rows(yield* consistent((input) => runPage({ ...input, offset: Math.max(first, 0), limit: most })))
    }),
    around: (member: Member, { above, below }: { readonly above: number; readonly below: number }) =>
      Effect.map(found(member, above, below), Option.map(rows)),
    rankOf: (member: Member) =>
      Effect.map(
        found(member, 0, 0),
        Option.map(([, rank, , [, score = ""]]) => ({ rank, score: scoreOf(score) }))
      ),
    percentileOf: (member: Member) =>
      Effect.map(
        found(member, 0, 0),
        Option.map(([, rank, size]) => (size <= 1 ? 100 : ((size - 1 - rank) / (size - 1)) * 100))
      ),
    size: Effect.flatMap(keys, ({ board }) => client.zcard(board)),
    remove: (member: Member) =>
      Effect.gen(function* () {
        const text = yield* members.encode(WriteScripts.remove.name, member)
        return (yield* runRemove({ keys: yield* keys, member: text })) === 1
      }),
    clear: Effect.flatMap(keys, (keys) => Effect.asVoid(client.del(...BoardKeys.list({ ...keys, isDescribed: true }))))
  }
}
