import { Console, Effect } from "effect"
import { Counter, MemoryRedis, Presence } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const online = yield* Presence.make({ key: "chess", timeToLive: "1 minute" })
  const games = yield* Counter.make({ key: "active_games" })

  // beats three times a minute while the body runs, and leaves when it ends
  const during = yield* Effect.gen(function* () {
    yield* games.increment
    return { players: yield* online.count, games: yield* games.get }
  }).pipe(online.whileOnline("ada"))

  yield* online.beat("bob") // by hand, as a request from Bob's browser would
  const after = yield* online.list({ offset: 0, limit: 10 })
  const left = yield* Effect.zipRight(games.decrement, games.decrement) // never below 0
  yield* Console.log(`${during.players} player, ${during.games} game, then ${after}, and ${left} games`)
  if (during.players !== 1 || after.join() !== "bob" || left !== 0)
    return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
