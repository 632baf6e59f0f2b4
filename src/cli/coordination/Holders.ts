/**
 * The holders of locks and permits, as Redis knows them: tokens, and the time until they end.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as LockScripts from "../../coordination/lock/LockScripts.js"
import * as ReleaseNotice from "../../coordination/lock/ReleaseNotice.js"
import * as SemaphoreScripts from "../../coordination/lock/SemaphoreScripts.js"
import { LockToken } from "../../coordination/lock/Token.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as KeyScan from "../frame/KeyScan.js"
import * as Time from "../frame/Time.js"

export type Kind = "lock" | "semaphore"

/** A lock or a permit that is held now. */
export interface Holder {
  readonly kind: Kind
  /** as the application names it */
  readonly key: string
  /** `HeldLock.token` of the process that holds it */
  readonly token: string
  readonly endsInMillis: number | null
  /** how many permits of a semaphore it holds, where that is not one */
  readonly permits?: number | undefined
  /** the fencing token of a lock */
  readonly fencingToken?: string | undefined
}

/** The name in a key of Redis, whose braces and percent signs are encoded. */
const nameOf = (kind: Kind, key: string): string =>
  key
    .slice(kind.length + 1)
    .replaceAll("%7B", "{")
    .replaceAll("%7D", "}")
    .replaceAll("%25", "%")

const ofLock = (client: RedisClient.Service, key: string): Effect.Effect<ReadonlyArray<Holder>, RedisError> =>
  Effect.gen(function* () {
    const token = yield* client.get(key)
    if (Option.isNone(token)) return []
    const fence = yield* client.get(RedisKey.auxiliary(key, "fence"))
    return [
      {
        kind: "lock",
        key: nameOf("lock", key),
        token: token.value,
        endsInMillis: Time.millisLeft(yield* client.ttl(key)),
        fencingToken: Option.getOrUndefined(fence)
      }
    ]
  })

const ofSemaphore = (client: RedisClient.Service, key: string): Effect.Effect<ReadonlyArray<Holder>, RedisError> =>
  Effect.gen(function* () {
    const permits = yield* client.zrevrangeWithScores(key, 0, -1)
    const now = yield* client.serverTime
    // a permit that has ended is free, and removed by the next caller
    const held = Arr.groupBy(
      permits.filter(({ score }) => score > now),
      ({ member }) => SemaphoreScripts.tokenOf(member)
    )
    return Object.entries(held).map(([token, members]) => ({
      kind: "semaphore",
      key: nameOf("semaphore", key),
      token,
      permits: members.length > 1 ? members.length : undefined,
      endsInMillis: Math.round(members[0].score - now)
    }))
  })

const of = (client: RedisClient.Service, kind: Kind, key: string) =>
  (kind === "lock" ? ofLock : ofSemaphore)(client, key).pipe(
    // another program's value under a key of ours
    Effect.catchIf(
      (error) => error._tag === "RedisServerError" && error.code === "WRONGTYPE",
      () => Effect.succeed([])
    )
  )

export const list = (
  client: RedisClient.Service,
  most: number
): Effect.Effect<{ readonly holders: ReadonlyArray<Holder>; readonly hasMore: boolean }, RedisError> =>
  Effect.gen(function* () {
    const locks = yield* KeyScan.keys(client, "lock:*", most)
    const semaphores = yield* KeyScan.keys(client, "semaphore:*", most)
    const held = yield* Effect.forEach(locks.keys, (key) => of(client, "lock", key))
    const permits = yield* Effect.forEach(semaphores.keys, (key) => of(client, "semaphore", key))
    return { holders: [...held, ...permits].flat(), hasMore: locks.hasMore || semaphores.hasMore }
  })

/** Releases a lock, or all permits of a semaphore, by the scripts that notify waiting callers. Returns what was released. */
export const release = (
  client: RedisClient.Service,
  kind: Kind,
  name: string
): Effect.Effect<ReadonlyArray<Holder>, RedisError | RedisKey.InvalidKey> =>
  Effect.gen(function* () {
    const key = yield* KeyOwner.under(kind, name)
    const { published } = ReleaseNotice.channel(RedisExecutor.of(client), key)
    const script = kind === "lock" ? LockScripts.release : SemaphoreScripts.release
    const holders = yield* of(client, kind, key)
    return yield* Effect.filter(holders, ({ permits, token }) =>
      Effect.map(
        client.run(script)({ key, channel: published, take: permits, token: LockToken.make(token) }),
        // a holder that released it meanwhile
        (released) => released === 1
      )
    )
  })
