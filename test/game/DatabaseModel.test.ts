/** The memory database is the model of the SQL one: the same operations get the same answers. */
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import type { FencingToken } from "../../src/coordination/DistributedLock.js"
import { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import { GameId, UserId } from "../../src/game/Player.js"
import { runs } from "../support/effort.js"

/** Ids are random, so that programs speak of the nth user and the nth game; there may be none. */
interface World {
  readonly database: Database.Service
  readonly users: Array<UserId>
  readonly games: Array<GameId>
}

interface Step {
  readonly name: string
  readonly run: (world: World) => Effect.Effect<unknown, unknown>
}

const step = (name: string, run: Step["run"]): Step => ({ name, run, [fc.toStringMethod]: () => name }) as Step

const user = (world: World, n: number) => world.users[n] ?? UserId.make(`no user ${n}`)
const game = (world: World, n: number) => world.games[n] ?? GameId.make(`no game ${n}`)

const nth = fc.nat({ max: 2 })
const username = fc.constantFrom("ada", "bob", "eve", "Ada", "", "it's")
const amount = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1) }
)
const hours = fc.nat({ max: 60 })
const page = fc.record({ offset: fc.integer({ min: -1, max: 4 }), limit: fc.nat({ max: 5 }) })

const steps: fc.Arbitrary<Step> = fc.oneof(
  username.map((username) =>
    step(`createUser ${username}`, ({ database, users }) =>
      Effect.tap(database.createUser({ username, displayName: "x", email: "x@example.com" }), ({ id }) =>
        Effect.sync(() => users.push(id))
      )
    )
  ),
  nth.map((n) => step(`getUser ${n}`, (world) => world.database.getUser(user(world, n)))),
  fc
    .tuple(nth, username, fc.boolean())
    .map(([n, username, rename]) =>
      step(`updateUser ${n} ${rename ? username : ""}`, (world) =>
        world.database.updateUser(user(world, n), { ...(rename ? { username } : {}), displayName: "y" })
      )
    ),
  nth.map((n) => step(`getBalance ${n}`, (world) => world.database.getBalance(user(world, n)))),
  fc
    .tuple(nth, amount)
    .map(([n, amount]) =>
      step(`updateBalance ${n} ${amount}`, (world) => world.database.updateBalance(user(world, n), amount))
    ),
  fc
    .tuple(nth, nth, amount)
    .map(([from, to, amount]) =>
      step(`transfer ${from} ${to} ${amount}`, (world) =>
        world.database.transfer(user(world, from), user(world, to), amount)
      )
    ),
  fc
    .tuple(nth, fc.boolean(), amount)
    .map(([n, won, score]) =>
      step(`recordGame ${n} ${won} ${score}`, (world) => world.database.recordGame(user(world, n), { won, score }))
    ),
  fc
    .tuple(nth, amount, hours)
    .map(([n, amount, hour]) =>
      step(`claimDailyBonus ${n} ${amount} at ${hour}h`, (world) =>
        world.database.claimDailyBonus(user(world, n), { amount, now: DateTime.unsafeMake(hour * 3_600_000) })
      )
    ),
  page.map((page) => step(`topScores ${page.offset} ${page.limit}`, ({ database }) => database.topScores(page))),
  nth.map((n) => step(`rankOf ${n}`, (world) => world.database.rankOf(user(world, n)))),
  fc
    .array(nth, { maxLength: 3 })
    .map((players) =>
      step(`createGame ${players}`, (world) =>
        Effect.tap(world.database.createGame(players.map((n) => user(world, n))), ({ id }) =>
          Effect.sync(() => world.games.push(id))
        )
      )
    ),
  nth.map((n) => step(`getGame ${n}`, (world) => world.database.getGame(game(world, n)))),
  fc
    .record({
      n: nth,
      round: fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined }),
      status: fc.constantFrom("waiting" as const, "running" as const, undefined),
      token: fc.integer({ min: 0, max: 4 })
    })
    .map(({ n, round, status, token }) =>
      step(`updateGame ${n} ${status} ${round} with ${token}`, (world) =>
        world.database.updateGame(
          game(world, n),
          { ...(round === undefined ? {} : { round }), ...(status === undefined ? {} : { status }) },
          token as FencingToken
        )
      )
    ),
  nth.map((n) => step(`deleteGame ${n}`, (world) => world.database.deleteGame(game(world, n)))),
  fc.constant(step("countGames", ({ database }) => database.countGames))
)

/** An answer as text, with each id replaced by its number. What went wrong inside a DatabaseError is each one's own. */
const answer = (world: World, { run }: Step) =>
  Effect.map(Effect.either(run(world)), (result) => {
    const text = JSON.stringify(result).replaceAll(/"detail":"(?:[^"\\]|\\.)*"/g, '"detail":""')
    return [...world.users, ...world.games].reduce((masked, id, n) => masked.replaceAll(id, `#${n}`), text)
  })

const world = (layer: Layer.Layer<Database, unknown>) =>
  Effect.map(
    Layer.build(layer),
    (context): World => ({
      database: Context.get(context, Database),
      users: [],
      games: []
    })
  )

it.scoped.prop(
  "random programs get the same answers from memory and from SQLite",
  [fc.array(steps, { minLength: 5, maxLength: 40, size: "max" })],
  ([program]) =>
    Effect.gen(function* () {
      const memory = yield* world(MemoryDatabase.layer)
      const sqlite = yield* world(SqlDatabase.layer({ url: "sqlite::memory:" }))
      for (const step of program) {
        expect(`${step.name}: ${yield* answer(sqlite, step)}`).toBe(`${step.name}: ${yield* answer(memory, step)}`)
      }
    }),
  { fastCheck: { numRuns: runs(100) } }
)
