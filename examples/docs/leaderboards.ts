import { Console, Effect, Option, Schema } from "effect"
import { Leaderboard, MemoryRedis } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const board = yield* Leaderboard.make({ key: "chess" })
  yield* board.submit("ada", 1200)
  yield* board.submit("bob", 1350.5)
  yield* board.submit("cyd", 1200) // as good as Ada, and later
  yield* board.submit("bob", 900) // the best score stays; keeps: "last" or "sum" would take it

  const top = yield* board.top({ offset: 0, limit: 10 })
  yield* Console.log(top.map(({ rank, member, score }) => `${rank + 1}. ${member} ${score}`).join(", "))
  const around = yield* board.around("cyd", { above: 1, below: 1 })
  const percentile = yield* board.percentileOf("ada")

  // one board for each week of UTC, which is deleted four weeks after the week has ended
  const weekly = yield* Leaderboard.makeWindows({ key: "chess", window: "weekly", timeToLive: "4 weeks" })
  yield* weekly.running.submit("ada", 30)
  const first = yield* weekly.running.rankOf("ada")

  // the lowest first, with a value beside each member: it is that of the time which the board keeps
  const laps = yield* Leaderboard.make({
    key: "laps",
    order: "lowest",
    metadata: Schema.parseJson(Schema.Struct({ car: Schema.String }))
  })
  yield* laps.submit("ada", 61.2, { metadata: { car: "red" } })
  yield* laps.submit("ada", 59.8, { metadata: { car: "blue" } })
  const [fastest] = yield* laps.top({ offset: 0, limit: 1 })
  yield* Console.log(fastest) // { rank: 0, member: "ada", score: 59.8, metadata: Some({ car: "blue" }) }

  const order = top.map(({ member }) => member).join()
  const neighbours = Option.getOrThrow(around).map(({ member }) => member)
  if (order !== "bob,ada,cyd" || neighbours.join() !== "ada,cyd") return yield* Effect.dieMessage("not as it should be")
  if (Option.getOrThrow(percentile) !== 50 || Option.isNone(first))
    return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
