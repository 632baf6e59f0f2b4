/** Reading players, with where each value came from and how long it took. */

import { Array, Data, type Duration, Effect, Equal } from "effect"
import type { TypedCache } from "effect-cache-toolkit"
import { type Player, PlayerService } from "effect-cache-toolkit/game"
import * as Table from "./Table.js"

export interface DemoPlayer {
  readonly id: Player.UserId
  readonly name: string
}

type Source = Pick<TypedCache.CacheResult<unknown>, "source" | "reason">

/** Profile, balance and statistics of one player. */
const readOnce = (id: Player.UserId) =>
  Effect.gen(function* () {
    const players = yield* PlayerService.PlayerService
    const profile = yield* players.readUserProfile(id)
    const balance = yield* players.readUserBalance(id)
    const stats = yield* players.readUserStats(id)
    const sources: ReadonlyArray<Source> = [profile, balance, stats]
    return { sources, values: Data.tuple(profile.value, balance.value, stats.value) }
  })

export interface PlayerRead extends Effect.Effect.Success<ReturnType<typeof readOnce>> {
  readonly time: Duration.Duration
}

const timed = (id: Player.UserId) =>
  Effect.map(Effect.timed(readOnce(id)), ([time, read]): PlayerRead => ({ ...read, time }))

/** As `timed`, of a player that the cache does not hold. */
const timedCold = (id: Player.UserId) =>
  Effect.flatMap(PlayerService.PlayerService, (players) => Effect.zipRight(players.invalidateUser(id), timed(id)))

export const rounds = 9

/** Several rounds in one: every source, the values of the last, and the time of the one in the middle. */
const summarize = (reads: Array.NonEmptyReadonlyArray<PlayerRead>): PlayerRead => ({
  sources: reads.flatMap(({ sources }) => sources),
  values: Array.lastNonEmpty(reads).values,
  time: Table.median(reads.map(({ time }) => time))
})

const readAllBy =
  <E, R>(read: (id: Player.UserId) => Effect.Effect<PlayerRead, E, R>) =>
  (players: ReadonlyArray<DemoPlayer>) =>
    Effect.forEach(players, ({ id }) =>
      Effect.map(
        Effect.forEach(Array.range(1, rounds), () => read(id)),
        summarize
      )
    )

export const readAll = readAllBy(timed)

export const readAllCold = readAllBy(timedCold)

/** The first calls of a program compile it: nobody wants to see that as the price of a cold read. */
export const rehearse = ({ id }: DemoPlayer) => Effect.repeatN(Effect.zipRight(timedCold(id), timed(id)), 50)

export const allFrom = (reads: ReadonlyArray<PlayerRead>, source: Source["source"]): boolean =>
  reads.every(({ sources }) => sources.every((one) => one.source === source))

export const sameValues = (left: ReadonlyArray<PlayerRead>, right: ReadonlyArray<PlayerRead>): boolean =>
  left.every((read, index) => Equal.equals(read.values, right[index]?.values))
