/** Reads inside a SQL transaction: their results are visible to their caller alone. */
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-bun"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { layerOff } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { until } from "../../support/until.js"

/** One connection, as for SQLite: a statement outside the transaction waits for its end. */
const sqlite = SqliteClient.layer({ filename: ":memory:" })
const layer = Layer.merge(MemoryRedis.layer(), sqlite)

/** Accounts with a balance of 1, and a cache of the balances. */
const world = (settings: CacheWorld.Settings = {}) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create table accounts (id text primary key, n integer)`
    yield* sql`insert into accounts values ('ada', 1), ('bob', 1)`
    const balanceOf = (id: string) =>
      Effect.orDie(Effect.map(sql<{ n: number }>`select n from accounts where id = ${id}`, ([row]) => row?.n ?? 0))
    const { cache } = CacheWorld.make({})
    let lookups = 0
    const balances = yield* cache({
      lookup: (id) => {
        lookups++
        return balanceOf(id)
      },
      ...settings
    })
    const change = sql`update accounts set n = 999`
    return { sql, balances, change, lookups: () => lookups }
  })

class RolledBack {
  readonly _tag = "RolledBack"
  constructor(readonly answer: unknown) {}
}

/** The result of a read inside a transaction that is rolled back after a change. */
const rolledBack = (
  { change, sql }: Effect.Effect.Success<ReturnType<typeof world>>,
  read: Effect.Effect<unknown, unknown>
): Effect.Effect<unknown> =>
  Effect.flatMap(Effect.zipRight(change, Effect.orDie(read)), (answer) => Effect.fail(new RolledBack(answer))).pipe(
    sql.withTransaction,
    Effect.catchTag("RolledBack", ({ answer }) => Effect.succeed(answer)),
    Effect.orDie
  )

/** A read outside any transaction. It begins when the answer is run, which ends when the lookup waits. */
const outside = ({ balances, lookups }: Effect.Effect.Success<ReturnType<typeof world>>, id: string) =>
  Effect.gen(function* () {
    const start = yield* Deferred.make<void>()
    const reading = yield* Effect.fork(Effect.zipRight(Deferred.await(start), balances.get(id)))
    const begin = Effect.zipRight(
      Deferred.succeed(start, undefined),
      until("the other lookup waits", () => lookups() === 1)
    )
    return [begin, Fiber.join(reading)] as const
  })

type Read = (balances: CacheWorld.Cache) => Effect.Effect<unknown, unknown>
const ways: Readonly<Record<string, Read>> = {
  get: (balances) => balances.get("ada"),
  getResult: (balances) => Effect.map(balances.getResult("ada"), ({ value }) => value),
  getMany: (balances) => Effect.map(balances.getMany(["ada", "bob"]), ([ada]) => ada),
  request: (balances) => balances.request("ada"),
  refresh: (balances) => balances.refresh("ada")
}

describe("a read inside a SQL transaction", () => {
  it("is detected by the tag of @effect/sql", () => {
    expect(SqlClient.TransactionConnection.key).toBe("@effect/sql/SqlClient/TransactionConnection")
  })

  for (const [way, read] of Object.entries(ways)) {
    for (const [source, settings] of [
      ["lookup", {}],
      ["lookupMany", { lookupMany: () => Effect.succeed([Either.right(-1)]) }]
    ] as const) {
      it.scopedLive(`by ${way} with a ${source} sees the changes of the transaction, and stores none of them`, () =>
        Effect.gen(function* () {
          const accounts = yield* world(settings)
          expect(yield* rolledBack(accounts, read(accounts.balances))).toBe(999)
          expect(yield* accounts.balances.getResult("ada")).toMatchObject({ value: 1, source: "Lookup" })
          expect(yield* accounts.balances.getResult("ada")).toMatchObject({ value: 1, source: "Redis" })
        }).pipe(Effect.provide(layer))
      )
    }
  }

  it.scopedLive("does not wait for a lookup that itself waits for the end of the transaction", () =>
    Effect.gen(function* () {
      const accounts = yield* world()
      const [begin, ended] = yield* outside(accounts, "ada")
      expect(yield* rolledBack(accounts, Effect.zipRight(begin, accounts.balances.get("ada")))).toBe(999)
      expect(yield* ended).toBe(1)
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("receives a stale value, whose refresh runs outside the transaction, after its end", () =>
    Effect.gen(function* () {
      const accounts = yield* world({ timeToLive: "1 millis", staleFor: "1 hour" })
      const { balances, sql } = accounts
      yield* balances.get("ada")
      yield* until("it is stale", () =>
        Effect.map(balances.getOption("ada"), (held) => held._tag === "Some" && held.value.source === "Stale")
      )
      expect(yield* rolledBack(accounts, balances.get("ada"))).toBe(1)
      yield* sql`update accounts set n = 2`
      yield* until("it is refreshed", () => Effect.map(balances.get("ada"), (value) => value === 2))
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("needs no permit while Redis is away", () =>
    Effect.gen(function* () {
      const accounts = yield* world({ outage: { maxLookups: 1, maxWaiting: 0 } })
      const [begin, ended] = yield* outside(accounts, "bob")
      expect(yield* rolledBack(accounts, Effect.zipRight(begin, accounts.balances.getResult("ada")))).toMatchObject({
        value: 999,
        source: "Degraded",
        reason: "Disabled"
      })
      expect(yield* ended).toBe(1)
    }).pipe(Effect.provide(Layer.merge(layerOff, sqlite)))
  )

  it.scopedLive("ends with LookupCycle in a lookup of its own key", () =>
    Effect.gen(function* () {
      const { cache, key } = CacheWorld.make({})
      const sql = yield* SqlClient.SqlClient
      const own: CacheWorld.Cache = yield* cache({ lookup: (id) => Effect.orDie(own.get(id)) })
      const error = new TypedCache.LookupCycle({ keys: [key("a"), key("a")] })
      expect(yield* Effect.flip(Effect.sandbox(sql.withTransaction(own.get("a"))))).toMatchObject({ defect: error })
    }).pipe(Effect.provide(layer))
  )
})
