import { Console, Effect, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const Player = Schema.Struct({ name: Schema.String, guild: Schema.String })

const program = Effect.gen(function* () {
  const database = new Map([
    ["ada", { name: "Ada", guild: "engines" }],
    ["grace", { name: "Grace", guild: "compilers" }]
  ])
  const players = yield* TypedCache.make({
    name: "player",
    key: Schema.String,
    value: Player,
    timeToLive: "10 minutes",
    tags: (player) => [`guild:${player.guild}`],
    lookup: (id) => Effect.fromNullable(database.get(id))
  })
  yield* players.getMany(["ada", "grace"])

  // the guild has a new name in every row: one command invalidates all of them, in every process
  database.set("ada", { name: "Ada", guild: "analytical engines" })
  yield* players.invalidateTag("guild:engines")

  const ada = yield* players.getResult("ada")
  const grace = yield* players.getResult("grace")
  yield* Console.log(`${ada.value.guild} (${ada.source}), ${grace.value.guild} (${grace.source})`)
  if (ada.source !== "Lookup" || grace.source !== "Redis") return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
