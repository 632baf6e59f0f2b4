import { Console, Effect, Option } from "effect"
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

  const order = top.map(({ member }) => member).join()
  const neighbours = Option.getOrThrow(around).map(({ member }) => member)
  if (order !== "bob,ada,cyd" || neighbours.join() !== "ada,cyd") return yield* Effect.dieMessage("not as it should be")
  if (Option.getOrThrow(percentile) !== 50 || Option.isNone(first))
    return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
