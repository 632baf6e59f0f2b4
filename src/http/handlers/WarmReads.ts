/**
 * Answers warm reads of a user before the router of the platform: a hit needs no token, no body and no error. Everything else
 * takes the router, which does not repeat the read.
 *
 * @since 0.2.0
 */
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { UserId, type UserProfile, type UserStats } from "../../game/Player.js"
import { type CacheResult, PlayerService } from "../../game/PlayerService.js"
import * as HttpConfig from "../HttpConfig.js"
import * as RequestedHost from "../middleware/RequestedHost.js"
import { Turns } from "../middleware/RequestPacing.js"
import * as ResponseHeaders from "../middleware/ResponseHeaders.js"
import * as CacheStatus from "../router/CacheStatus.js"
import { FastPath } from "../server/FastPath.js"
import * as Spans from "../server/Spans.js"

/** A warm read costs a tenth of the time of a request that takes the router. */
const partOfTurn = 1 / 8

/** Ids that a path holds as they are. The router decodes others. */
const route = /^https?:\/\/[^/?#]*\/api\/users\/([\w.~-]+)\/(profile|balance|stats)$/

/** Reads that the router rejects, or that take another answer: with a token the profile has its e-mail address. */
const needsRouter = ({ headers }: Request): boolean =>
  headers.has("authorization") || headers.has("content-length") || headers.has("transfer-encoding")

/** A cache has validated its hits. The contract validates what comes from a lookup. */
const isHit = ({ source }: CacheResult<unknown>): boolean =>
  source === "Local" || source === "Redis" || source === "Stale"

/** One kind of read: by the fast path, and by the router after it. */
const makeRead = <A, E>(
  read: (id: UserId) => Effect.Effect<CacheResult<A>, E>,
  encode: (id: UserId, value: A) => string
) => {
  // by the request as the runtime received it
  const completed = new WeakMap<object, Exit.Exit<CacheResult<A>, E>>()
  const headers = new Headers({ "content-type": "application/json", ...ResponseHeaders.common })

  const respond = (id: UserId, result: CacheResult<A>): Response => {
    // a response copies its headers
    headers.set("cache-status", CacheStatus.format(result))
    return new Response(encode(id, result.value), { headers })
  }
  const leave = (request: Request, exit: Exit.Exit<CacheResult<A>, E>): undefined => {
    completed.set(request, exit)
  }
  return {
    answer: (request: Request, id: UserId): Effect.Effect<Response | undefined> =>
      Effect.matchCause(read(id), {
        onSuccess: (result) => (isHit(result) ? respond(id, result) : leave(request, Exit.succeed(result))),
        onFailure: (cause) => leave(request, Exit.failCause(cause))
      }),
    read: ({ source }: HttpServerRequest.HttpServerRequest, id: UserId): Effect.Effect<CacheResult<A>, E> =>
      (Predicate.isObject(source) ? completed.get(source) : undefined) ?? read(id)
  }
}

/** The bytes that the contract encodes. */
const encodeProfile = (_id: UserId, { createdAt, displayName, id, username }: UserProfile): string =>
  JSON.stringify({ id, username, displayName, createdAt: DateTime.formatIso(createdAt) })

const encodeBalance = (userId: UserId, balance: number): string => JSON.stringify({ userId, balance })

const encodeStats = (_id: UserId, { bestScore, gamesPlayed, gamesWon, totalScore }: UserStats): string =>
  JSON.stringify({ gamesPlayed, gamesWon, bestScore, totalScore })

const makeReads = Effect.map(PlayerService, (players) => ({
  profile: makeRead(players.readUserProfile, encodeProfile),
  balance: makeRead(players.readUserBalance, encodeBalance),
  stats: makeRead(players.readUserStats, encodeStats)
}))

type Reads = Effect.Effect.Success<typeof makeReads>

const isKind = (kind: string | undefined): kind is keyof Reads =>
  kind === "profile" || kind === "balance" || kind === "stats"

/**
 * Makes the reads for the router's handlers, and puts them on the server's fast path where it has one. Requests that are
 * limited, or whose spans are recorded, take the router.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make: Effect.Effect<
  { readonly [Kind in keyof Reads]: Reads[Kind]["read"] },
  ConfigError.ConfigError,
  PlayerService | Turns | HttpServer.HttpServer | Scope.Scope
> = Effect.gen(function* () {
  const reads = yield* makeReads
  const fastPath = yield* Effect.serviceOption(FastPath)
  const limit = yield* HttpConfig.requestLimit
  if (Option.isSome(fastPath) && Option.isNone(limit) && !(yield* Spans.areRecorded)) {
    const isAllowedHost = yield* RequestedHost.makeCheck
    const { take, tryTake } = yield* Turns
    const turn = take(partOfTurn)
    yield* fastPath.value.serve((request) => {
      if (request.method !== "GET") return undefined
      const [, id, kind] = route.exec(request.url) ?? []
      if (id === undefined || !isKind(kind) || needsRouter(request)) return undefined
      if (!isAllowedHost(request.headers.get("host") ?? undefined)) return undefined
      const answer = reads[kind].answer(request, UserId.make(id, true))
      return tryTake(partOfTurn) ? answer : Effect.zipRight(turn, answer)
    })
  }
  return { profile: reads.profile.read, balance: reads.balance.read, stats: reads.stats.read }
})
