import { Console, Effect } from "effect"
import { Simulator } from "effect-cache-toolkit/testing"

const program = Effect.gen(function* () {
  const outcomes = yield* Simulator.run({
    traffic: { keys: 500, readsPerSecond: 100, writesPerSecond: 1, processes: 3 },
    duration: "20 seconds",
    lookupTime: "30 millis",
    outages: [{ of: "both", start: "12 seconds", duration: "3 seconds" }],
    options: {
      "Redis alone": { timeToLive: "5 seconds" },
      "stale while refreshing": { timeToLive: "5 seconds", staleFor: "1 minute" },
      "with a local tier": {
        timeToLive: "5 seconds",
        staleFor: "1 minute",
        local: { capacity: 200, timeToLive: "2 seconds", keepStale: "1 hour" }
      }
    }
  })
  yield* Console.log(Simulator.format(outcomes))
  const [alone, , withLocal] = outcomes
  if (alone === undefined || withLocal === undefined || withLocal.failed >= alone.failed) {
    return yield* Effect.dieMessage("not as it should be")
  }
})

Effect.runPromise(program)
