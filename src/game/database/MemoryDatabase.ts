/**
 * Implements `Database` in memory, for tests and examples. The data ends with the layer.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Ref from "effect/Ref"
import type { FencingToken } from "../../coordination/DistributedLock.js"
import {
  DailyBonusAlreadyClaimed,
  Database,
  type DatabaseError,
  dailyBonusInterval,
  GameNotFound,
  InsufficientFunds,
  StaleFencingToken,
  UserNotFound,
  UsernameTaken
} from "../Database.js"
import { type GameId, GameState, type UserId, UserProfile, UserStats } from "../Player.js"
import * as Input from "./Input.js"
import * as RandomId from "./RandomId.js"

interface User {
  readonly profile: UserProfile
  readonly balance: number
  readonly bonusClaimedAt: Option.Option<DateTime.Utc>
  readonly stats: UserStats
  readonly bestArrival: number
}

interface Game {
  readonly state: GameState
  /** none until the first write with a token */
  readonly latest: Option.Option<FencingToken>
}

interface State {
  readonly lastArrival: number
  readonly users: HashMap.HashMap<UserId, User>
  readonly games: HashMap.HashMap<GameId, Game>
}

const empty: State = { lastArrival: 0, users: HashMap.empty(), games: HashMap.empty() }

const notPlayed = new UserStats({ gamesPlayed: 0, gamesWon: 0, bestScore: 0, totalScore: 0 })

const findUser = (state: State, userId: UserId): Either.Either<User, UserNotFound> =>
  Either.fromOption(HashMap.get(state.users, userId), () => new UserNotFound({ userId }))

const putUser = (state: State, user: User): State => ({
  ...state,
  lastArrival: Math.max(state.lastArrival, user.bestArrival),
  users: HashMap.set(state.users, user.profile.id, user)
})

const findGame = (state: State, gameId: GameId): Either.Either<Game, GameNotFound> =>
  Either.fromOption(HashMap.get(state.games, gameId), () => new GameNotFound({ gameId }))

const putGame = (state: State, game: Game): State => ({
  ...state,
  games: HashMap.set(state.games, game.state.id, game)
})

const checkUsername = (state: State, username: string, owner: UserId): Either.Either<void, UsernameTaken> =>
  HashMap.some(state.users, ({ profile }) => profile.username === username && profile.id !== owner)
    ? Either.left(new UsernameTaken({ username }))
    : Either.void

/** By best score in descending order, then by arrival. */
const byBestScore = Order.combine(
  Order.reverse(Order.mapInput(Order.number, (user: User) => user.stats.bestScore)),
  Order.mapInput(Order.number, (user: User) => user.bestArrival)
)

const ranking = (state: State): ReadonlyArray<User> =>
  Arr.sort(
    Arr.filter(HashMap.toValues(state.users), ({ stats }) => stats.gamesPlayed > 0),
    byBestScore
  )

/**
 * Builds an empty database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Database.Service> = Effect.gen(function* () {
  const ref = yield* Ref.make(empty)

  const read = <A, E>(f: (state: State) => Either.Either<A, E>): Effect.Effect<A, E> => Effect.flatMap(ref, f)

  /** One atomic change: the answer and the next state, or an error that changes nothing. */
  const change = <A, E>(f: (state: State) => Either.Either<readonly [A, State], E>): Effect.Effect<A, E> =>
    Effect.flatten(
      Ref.modify(ref, (state) =>
        Either.match(f(state), {
          onLeft: (error): [Either.Either<A, E>, State] => [Either.left(error), state],
          onRight: ([answer, next]) => [Either.right(answer), next]
        })
      )
    )

  const changeUser = <A, E>(userId: UserId, f: (user: User, state: State) => Either.Either<readonly [A, User], E>) =>
    change((state) =>
      findUser(state, userId).pipe(
        Either.flatMap((user): Either.Either<readonly [A, User], E | UserNotFound> => f(user, state)),
        Either.map(([answer, user]) => [answer, putUser(state, user)] as const)
      )
    )

  return Database.of({
    createUser: Effect.fnUntraced(function* (user) {
      const accepted = yield* Input.newUser("createUser", user)
      const id = yield* RandomId.userId
      const createdAt = yield* DateTime.now
      const profile = new UserProfile({ ...accepted, id, createdAt })
      return yield* change((state) =>
        Either.map(checkUsername(state, profile.username, id), () => [
          profile,
          putUser(state, { profile, balance: 0, bonusClaimedAt: Option.none(), stats: notPlayed, bestArrival: 0 })
        ])
      )
    }),

    getUser: (userId) => read((state) => Either.map(findUser(state, userId), ({ profile }) => profile)),

    updateUser: Effect.fnUntraced(function* (userId, updates) {
      const { displayName, email, username } = yield* Input.userUpdates("updateUser", updates)
      return yield* change((state) =>
        Either.gen(function* () {
          const user = yield* findUser(state, userId)
          if (username !== undefined) yield* checkUsername(state, username, userId)
          const profile = new UserProfile({
            ...user.profile,
            username: username ?? user.profile.username,
            displayName: displayName ?? user.profile.displayName,
            email: email ?? user.profile.email
          })
          return [profile, putUser(state, { ...user, profile })] as const
        })
      )
    }),

    getBalance: (userId) => read((state) => Either.map(findUser(state, userId), ({ balance }) => balance)),

    updateBalance: (userId, balance) =>
      Effect.flatMap(Input.amount("updateBalance", balance), (next) =>
        changeUser(userId, (user) => Either.right([next, { ...user, balance: next }]))
      ),

    transfer: Effect.fnUntraced(function* (from, to, requested) {
      const amount = yield* Input.amount("transfer", requested)
      return yield* change((state) =>
        Either.gen(function* () {
          const payer = yield* findUser(state, from)
          const payee = yield* findUser(state, to)
          if (payer.balance < amount) {
            return yield* Either.left(new InsufficientFunds({ userId: from, balance: payer.balance }))
          }
          if (from === to) return [{ from: payer.balance, to: payer.balance }, state] as const
          const debited = payer.balance - amount
          const credited = yield* Input.amount("transfer", payee.balance + amount)
          return [
            { from: debited, to: credited },
            putUser(putUser(state, { ...payer, balance: debited }), { ...payee, balance: credited })
          ] as const
        })
      )
    }),

    getStats: (userId) => read((state) => Either.map(findUser(state, userId), ({ stats }) => stats)),

    recordGame: Effect.fnUntraced(function* (userId, game) {
      const { score, won } = yield* Input.playedGame("recordGame", game)
      return yield* changeUser(userId, (user, state) =>
        Either.map(Input.amount("recordGame", user.stats.totalScore + score), (totalScore) => {
          const isBest = user.stats.gamesPlayed === 0 || score > user.stats.bestScore
          const bestArrival = isBest ? state.lastArrival + 1 : user.bestArrival
          const stats = new UserStats({
            gamesPlayed: user.stats.gamesPlayed + 1,
            gamesWon: user.stats.gamesWon + (won ? 1 : 0),
            bestScore: Math.max(user.stats.bestScore, score),
            totalScore
          })
          return [
            { stats, arrival: bestArrival },
            { ...user, stats, bestArrival }
          ]
        })
      )
    }),

    claimDailyBonus: Effect.fnUntraced(function* (userId, { amount, now }) {
      const bonus = yield* Input.amount("claimDailyBonus", amount)
      const claimable = DateTime.subtractDuration(now, dailyBonusInterval)
      return yield* changeUser(
        userId,
        (user): Either.Either<readonly [number, User], DailyBonusAlreadyClaimed | DatabaseError> =>
          Option.isSome(user.bonusClaimedAt) && DateTime.greaterThan(user.bonusClaimedAt.value, claimable)
            ? Either.left(DailyBonusAlreadyClaimed.since(userId, user.bonusClaimedAt.value, now))
            : Either.map(Input.amount("claimDailyBonus", user.balance + bonus), (balance) => [
                balance,
                { ...user, balance, bonusClaimedAt: Option.some(now) }
              ])
      )
    }),

    topScores: Effect.fnUntraced(function* (page) {
      const { limit, offset } = yield* Input.page("topScores", page)
      const ranked = ranking(yield* ref)
      return ranked.slice(offset, offset + limit).map(({ bestArrival, profile, stats }) => ({
        userId: profile.id,
        score: stats.bestScore,
        arrival: bestArrival
      }))
    }),

    rankOf: (userId) =>
      read((state) => {
        const ranked = ranking(state)
        return Either.fromOption(
          Option.map(
            Arr.findFirst(ranked, ({ profile }) => profile.id === userId),
            (user) => ({ rank: ranked.indexOf(user), score: user.stats.bestScore })
          ),
          () => new UserNotFound({ userId })
        )
      }),

    createGame: Effect.fnUntraced(function* (players) {
      const id = yield* RandomId.gameId
      const startedAt = yield* DateTime.now
      const game = new GameState({ id, players, status: "running", round: 0, startedAt })
      yield* Ref.update(ref, (state) => putGame(state, { state: game, latest: Option.none() }))
      return game
    }),

    getGame: (gameId) => read((state) => Either.map(findGame(state, gameId), (game) => game.state)),

    updateGame: Effect.fnUntraced(function* (gameId, requested, token) {
      const { fencingToken, updates } = yield* Input.gameUpdate("updateGame", {
        updates: requested,
        fencingToken: token
      })
      return yield* change((state) =>
        Either.gen(function* () {
          const game = yield* findGame(state, gameId)
          if (Option.isSome(game.latest) && game.latest.value > fencingToken) {
            return yield* Either.left(new StaleFencingToken({ gameId, fencingToken, latest: game.latest.value }))
          }
          const next = new GameState({
            ...game.state,
            status: updates.status ?? game.state.status,
            round: updates.round ?? game.state.round
          })
          return [next, putGame(state, { state: next, latest: Option.some(fencingToken) })] as const
        })
      )
    }),

    deleteGame: (gameId) =>
      change((state) =>
        HashMap.has(state.games, gameId)
          ? Either.right([undefined, { ...state, games: HashMap.remove(state.games, gameId) }])
          : Either.left(new GameNotFound({ gameId }))
      ),

    countGames: Effect.map(ref, ({ games }) => HashMap.size(games)),

    ping: Effect.void
  })
})

/**
 * Provides a new empty database each time it is built.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Database> = Layer.effect(Database, make)
