/** A cache beside transactions of @effect/sql: change and commit, then invalidate; a rollback leaves nothing in the cache. */
import { SqlClient, SqlSchema } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-bun"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const Account = Schema.Struct({ owner: Schema.String, balance: Schema.Int })

class NoAccount extends Schema.TaggedError<NoAccount>()("NoAccount", { owner: Schema.String }) {}
class NotEnough extends Schema.TaggedError<NotEnough>()("NotEnough", { owner: Schema.String }) {}

const findAccount = (owner: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const find = SqlSchema.findOne({
      Request: Schema.String,
      Result: Account,
      execute: (owner) => sql`SELECT owner, balance FROM accounts WHERE owner = ${owner}`
    })
    const found = yield* Effect.orDie(find(owner))
    return yield* Option.match(found, { onNone: () => Effect.fail(new NoAccount({ owner })), onSome: Effect.succeed })
  })

class Accounts extends TypedCache.Tag("app/Accounts")<Accounts, NoAccount>()({
  name: "account",
  key: Schema.String,
  value: Account,
  timeToLive: "10 minutes"
}) {
  static readonly Live = Accounts.layer({ lookup: findAccount })
}

/** Moves money in one transaction. Only when it is committed are both accounts invalidated. */
const transfer = (from: string, to: string, amount: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const accounts = yield* Accounts
    const change = Effect.gen(function* () {
      yield* sql`UPDATE accounts SET balance = balance + ${amount} WHERE owner = ${to}`
      yield* sql`UPDATE accounts SET balance = balance - ${amount} WHERE owner = ${from}`
      // the decision is made on the rows of this transaction, and not on a cached value
      const { balance } = yield* findAccount(from)
      if (balance < 0) return yield* new NotEnough({ owner: from })
    })
    yield* sql.withTransaction(change)
    yield* Effect.forEach([from, to], accounts.invalidate)
  })

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE accounts (owner TEXT PRIMARY KEY, balance INTEGER NOT NULL)`
  yield* sql`INSERT INTO accounts ${sql.insert([
    { owner: "ada", balance: 100 },
    { owner: "grace", balance: 0 }
  ])}`

  const accounts = yield* Accounts
  const say = (when: string) =>
    Effect.gen(function* () {
      const ada = yield* accounts.getResult("ada")
      const grace = yield* accounts.getResult("grace")
      yield* Console.log(`${when}: ${ada.value.balance} (${ada.source}), ${grace.value.balance} (${grace.source})`)
    })

  yield* say("at first")
  yield* say("again")
  yield* transfer("ada", "grace", 30)
  yield* say("after a transfer")

  const rejected = yield* Effect.flip(transfer("ada", "grace", 1_000))
  yield* say(`after ${rejected._tag}, which was rolled back`)
})

const live = Accounts.Live.pipe(
  Layer.provideMerge(SqliteClient.layer({ filename: ":memory:" })),
  Layer.provide(MemoryRedis.layer())
)

Effect.runPromise(Effect.provide(program, live))
