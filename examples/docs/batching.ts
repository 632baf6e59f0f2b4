import { Console, Effect, Either, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const Player = Schema.Struct({ id: Schema.Int, name: Schema.String })

class PlayerNotFound extends Schema.TaggedError<PlayerNotFound>()("PlayerNotFound", { id: Schema.Int }) {}

const program = Effect.gen(function* () {
  const table = [
    { id: 1, name: "Ada" },
    { id: 2, name: "Grace" },
    { id: 3, name: "Margaret" }
  ]
  const queries: Array<string> = []
  const players = yield* TypedCache.make({
    name: "player",
    key: Schema.Int,
    value: Player,
    timeToLive: "10 minutes",
    lookup: (id) =>
      Effect.suspend(() => {
        queries.push(`where id = ${id}`)
        return Effect.mapError(
          Effect.fromNullable(table.find((row) => row.id === id)),
          () => new PlayerNotFound({ id })
        )
      }),
    lookupMany: (ids) =>
      Effect.sync(() => {
        queries.push(`where id in (${ids.join(", ")})`)
        const rows = table.filter(({ id }) => ids.includes(id))
        // in the order of the ids, with an error for each that has no row
        return TypedCache.alignToKeys(ids, {
          key: (row: (typeof rows)[number]) => row.id,
          missing: (id) => new PlayerNotFound({ id })
        })(rows)
      })
  })

  // one MGET, and one query for the missing keys; each key has a result of its own
  const found = yield* players.getMany([3, 1, 9, 3], { mode: "either" })
  yield* Console.log(found.map((player) => Either.match(player, { onLeft: () => "nobody", onRight: (p) => p.name })))

  // requests are batched, wherever they are made
  const names = yield* Effect.forEach([1, 2], (id) => Effect.map(players.request(id), ({ name }) => name), {
    batching: true
  })

  // few lookups at once, and a cursor from which another run continues
  const summary = yield* players.warm([1, 2, 3], {
    concurrency: 10,
    onProgress: ({ cursor, failures }) => Console.log(`${cursor} warm, ${failures.length} failed`)
  })
  yield* Console.log(names, queries, summary)
  if (queries.length !== 2 || summary.alreadyThere !== 3) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
