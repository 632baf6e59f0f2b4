/**
 * Counts and lists the members that are online, by their heartbeats.
 *
 * A member stays online for a time to live after its last beat, so the members of a process that died disappear without a
 * goodbye.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as SharedFibers from "../internal/effect/SharedFibers.js"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { InvalidArgument, RedisError } from "../redis/RedisError.js"
import type { RedisScript } from "../redis/RedisScript.js"
import * as MemberCodec from "./MemberCodec.js"
import * as PresenceScripts from "./presence/PresenceScripts.js"

/**
 * The members that are online under one key, by the server's clock. Every operation may be repeated.
 *
 * An operation fails with `InvalidArgument` before anything is sent:
 *
 * - for a member that its schema rejects, or that holds a lone surrogate
 * - for an offset or limit that is no integer of at least 0
 * - for a key that something else owns
 *
 * @since 0.1.0
 * @category models
 */
export interface Presence<Member = string> {
  /** Keeps the member online for a time to live from now, and returns how many are online. */
  readonly beat: (member: Member) => Effect.Effect<number, RedisError>
  /** Takes the member offline at once, even if another process beats for it. Returns how many are online. */
  readonly leave: (member: Member) => Effect.Effect<number, RedisError>
  /** Counts the members that are online. */
  readonly count: Effect.Effect<number, RedisError>
  /** Checks whether a member is online. */
  readonly isOnline: (member: Member) => Effect.Effect<boolean, RedisError>
  /**
   * Lists at most `limit` members from `offset` on, the latest beat first. Members move between two pages, so one may appear
   * twice or not at all. Texts that are no members are left out.
   */
  readonly list: (page: {
    readonly offset: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Member>, RedisError>
  /**
   * Beats until the scope ends, and then leaves. A beat that Redis does not take is skipped: nothing fails during an outage,
   * and the next beat that arrives brings the member back online.
   */
  readonly stayOnline: (member: Member) => Effect.Effect<void, InvalidArgument, Scope.Scope>
  /** Runs an effect and keeps the member online while it runs. */
  readonly whileOnline: (
    member: Member
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | InvalidArgument, R>
}

/**
 * How members stay online.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** the name of the sorted set, kept under `presence:<key>` */
  readonly key: string
  /** how long a member is online after a beat, and so how long the members of a dead process remain */
  readonly timeToLive: Duration.DurationInput
  /** the time between two beats of `stayOnline`, jittered; default a third of the time to live, so that two may be lost */
  readonly beatEvery?: Duration.DurationInput | undefined
}

const beatsPerLife = 3

const presence = <Member>(
  options: Options,
  schema: Schema.Schema<Member, string>
): Effect.Effect<Presence<Member>, never, RedisClient> =>
  Effect.zipWith(RedisClient, SharedFibers.fork, (client, fork) => {
    const check = OptionCheck.make(`Presence ${JSON.stringify(options.key)}`)
    const timeToLiveMillis = ArgumentCheck.optionMillis(check, "timeToLive", options.timeToLive)
    const beatEveryMillis =
      options.beatEvery === undefined
        ? timeToLiveMillis / beatsPerLife
        : ArgumentCheck.optionMillis(check, "beatEvery", options.beatEvery)
    const schedule = Schedule.jittered(Schedule.spaced(Duration.millis(beatEveryMillis)))
    const members = MemberCodec.make(schema)
    const checkedKey = KeyOwner.keyOf("presence", client, "presence", options.key)

    const onKey = <Input, Output>(script: RedisScript<Input & { readonly key: string }, Output>) => {
      const run = client.run(script)
      return (input: Input) => Effect.flatMap(checkedKey, (key) => run({ ...input, key }))
    }
    const runBeat = onKey<Omit<PresenceScripts.BeatInput, "key">, number>(PresenceScripts.beat)
    const runLeave = onKey<{ readonly member: string }, number>(PresenceScripts.leave)
    const runCount = onKey<{}, number>(PresenceScripts.count)
    const runIsOnline = onKey<{ readonly member: string }, 0 | 1>(PresenceScripts.isOnline)
    const runList = onKey<{ readonly offset: number; readonly limit: number }, ReadonlyArray<string>>(
      PresenceScripts.list
    )

    const skipped = (operation: Effect.Effect<unknown, RedisError>): Effect.Effect<void> =>
      operation.pipe(
        Effect.tapError((error) => Effect.logDebug(`presence "${options.key}" was not updated: ${error.message}`)),
        Effect.ignore
      )

    const stayOnline = (member: Member) =>
      Effect.gen(function* () {
        yield* checkedKey
        const text = yield* members.encode(PresenceScripts.beat.name, member)
        const beat = skipped(runBeat({ member: text, timeToLiveMillis }))
        yield* Effect.acquireRelease(beat, () => skipped(runLeave({ member: text })))
        // a scope closes backwards: the beats end before the member leaves
        yield* Effect.acquireRelease(
          Effect.sync(() => fork(Effect.schedule(beat, schedule))),
          Fiber.interrupt
        )
      })

    return {
      beat: (member) =>
        Effect.flatMap(members.encode(PresenceScripts.beat.name, member), (text) =>
          runBeat({ member: text, timeToLiveMillis })
        ),
      leave: (member) =>
        Effect.flatMap(members.encode(PresenceScripts.leave.name, member), (text) => runLeave({ member: text })),
      count: runCount({}),
      isOnline: (member) =>
        Effect.flatMap(members.encode(PresenceScripts.isOnline.name, member), (text) =>
          Effect.map(runIsOnline({ member: text }), (found) => found === 1)
        ),
      list: Effect.fnUntraced(function* ({ limit, offset }) {
        yield* ArgumentCheck.integerFrom(PresenceScripts.list.name, "offset", 0, offset)
        yield* ArgumentCheck.integerFrom(PresenceScripts.list.name, "limit", 0, limit)
        const texts = yield* runList({ offset, limit })
        return texts.flatMap((text) => Option.toArray(members.decode(text)))
      }),
      stayOnline,
      whileOnline: (member) => (effect) =>
        Effect.scopedWith((scope) => Effect.zipRight(Scope.extend(stayOnline(member), scope), effect))
    }
  })

/**
 * Makes presence under `presence:<key>`. Members are strings, or values of the schema `member`.
 *
 * Dies with `InvalidOption` when a duration is not positive or longer than a server keeps a key.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Presence } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const online = yield* Presence.make({ key: "chess", timeToLive: "1 minute" })
 *   yield* Effect.log("a whole game").pipe(online.whileOnline("ada"))
 *   return yield* online.count
 * })
 */
export function make<Member>(
  options: Options & MemberCodec.Typed<Member>
): Effect.Effect<Presence<Member>, never, RedisClient>
export function make(options: Options): Effect.Effect<Presence, never, RedisClient>
export function make<Member>(options: Options & Partial<MemberCodec.Typed<Member>>) {
  return options.member === undefined ? presence(options, Schema.String) : presence(options, options.member)
}
