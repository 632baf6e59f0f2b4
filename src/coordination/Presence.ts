/**
 * Who is online: whoever has beaten lately. Nobody has to say goodbye, so that those of a process that died are gone when
 * their time is over.
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
import * as SharedFibers from "../internal/SharedFibers.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError, RedisServerError } from "../redis/RedisError.js"
import type { RedisScript } from "../redis/RedisScript.js"
import { integerFrom, wholeKey, wholeMillis } from "./ArgumentChecks.js"
import * as MemberCodec from "./MemberCodec.js"
import * as PresenceScripts from "./presence/PresenceScripts.js"

/**
 * Presence under one key. The server's clock decides who is online; all of it may be repeated.
 *
 * A member that does not satisfy its schema or holds a lone surrogate, a key that belongs to something else, a time that is
 * not positive or longer than a server keeps, or a page that is none fails with `RedisServerError`, code `ERR`, before
 * anything is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Presence<Member = string> {
  /** Lets the member be online for a whole time to live from now on, and answers how many are. */
  readonly beat: (member: Member) => Effect.Effect<number, RedisError>
  /** Takes the member away at once, whoever else beats for it, and answers how many are online. */
  readonly leave: (member: Member) => Effect.Effect<number, RedisError>
  readonly count: Effect.Effect<number, RedisError>
  readonly isOnline: (member: Member) => Effect.Effect<boolean, RedisError>
  /**
   * Who is online, those first who have beaten last; at most `limit` of them, from `offset` on. Between two pages members
   * move: one may show twice or not at all. What another program has put there that is no member is left out.
   */
  readonly list: (page: {
    readonly offset: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<Member>, RedisError>
  /**
   * Beats now and again and again until the scope ends, and then leaves. Beats that Redis does not take are passed over:
   * without Redis nothing fails, and the member is online again with the first beat that arrives.
   */
  readonly stayOnline: (member: Member) => Effect.Effect<void, RedisServerError, Scope.Scope>
  /** Runs an effect, with the member online for as long as it runs. */
  readonly whileOnline: (
    member: Member
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RedisServerError, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** a sorted set */
  readonly key: string
  /** how long a member is online after a beat: how long the members of a process that died still show */
  readonly timeToLive: Duration.DurationInput
  /** between two beats of `stayOnline`; default a third of the time to live, so that two may be lost. Jittered. */
  readonly beatEvery?: Duration.DurationInput | undefined
}

const beatsPerLife = 3

const presence = <Member>(
  { beatEvery, key, timeToLive }: Options,
  schema: Schema.Schema<Member, string>
): Effect.Effect<Presence<Member>, never, RedisClient> =>
  Effect.zipWith(RedisClient, SharedFibers.fork, (client, fork) => {
    const members = MemberCodec.make(schema)
    const checkedKey = wholeKey("presence", client, key)
    const running = <Input, Output>(script: RedisScript<Input, Output>) => {
      const run = client.run(script)
      return (input: Input) => Effect.zipRight(checkedKey, run(input))
    }
    const runBeat = running(PresenceScripts.beat)
    const runLeave = running(PresenceScripts.leave)
    const runCount = running(PresenceScripts.count)
    const runIsOnline = running(PresenceScripts.isOnline)
    const runList = running(PresenceScripts.list)

    const checkedLife = wholeMillis(PresenceScripts.beat.name, "the time to live", timeToLive)

    const beats = Effect.flatMap(checkedLife, (timeToLiveMillis) =>
      beatEvery === undefined
        ? Effect.succeed(timeToLiveMillis / beatsPerLife)
        : wholeMillis(PresenceScripts.beat.name, "the time between two beats", beatEvery)
    ).pipe(Effect.map((millis) => Schedule.jittered(Schedule.spaced(Duration.millis(millis)))))

    const passedOver = (operation: Effect.Effect<unknown, RedisError>): Effect.Effect<void> =>
      operation.pipe(
        Effect.tapError((error) => Effect.logDebug(`presence under ${key} was not told: ${error.message}`)),
        Effect.ignore
      )

    const stayOnline = (member: Member) =>
      Effect.gen(function* () {
        yield* checkedKey
        const text = yield* members.encode(PresenceScripts.beat.name, member)
        const timeToLiveMillis = yield* checkedLife
        const schedule = yield* beats
        const beat = passedOver(runBeat({ key, member: text, timeToLiveMillis }))
        yield* Effect.acquireRelease(beat, () => passedOver(runLeave({ key, member: text })))
        // it ends before the member leaves, since a scope closes backwards
        yield* Effect.acquireRelease(
          Effect.sync(() => fork(Effect.schedule(beat, schedule))),
          Fiber.interrupt
        )
      })

    return {
      beat: (member) =>
        Effect.flatMap(checkedLife, (timeToLiveMillis) =>
          Effect.flatMap(members.encode(PresenceScripts.beat.name, member), (text) =>
            runBeat({ key, member: text, timeToLiveMillis })
          )
        ),
      leave: (member) =>
        Effect.flatMap(members.encode(PresenceScripts.leave.name, member), (text) => runLeave({ key, member: text })),
      count: runCount({ key }),
      isOnline: (member) =>
        Effect.flatMap(members.encode(PresenceScripts.isOnline.name, member), (text) =>
          Effect.map(runIsOnline({ key, member: text }), (found) => found === 1)
        ),
      list: Effect.fnUntraced(function* ({ limit, offset }) {
        yield* integerFrom(PresenceScripts.list.name, "the offset", 0, offset)
        yield* integerFrom(PresenceScripts.list.name, "the limit", 0, limit)
        const texts = yield* runList({ key, offset, limit })
        return texts.flatMap((text) => Option.toArray(members.decode(text)))
      }),
      stayOnline,
      whileOnline: (member) => (effect) =>
        Effect.scopedWith((scope) => Effect.zipRight(Scope.extend(stayOnline(member), scope), effect))
    }
  })

/**
 * Presence under `key`.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Presence } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const online = yield* Presence.make({ key: "presence:chess", timeToLive: "1 minute" })
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
