import { Console, Effect } from "effect"
import { Simulator } from "effect-cache-toolkit/testing"

/** 1,000 keys, of which few are read often (Zipf 0.99), in two processes. What does a local tier of each size answer? */
const program = Effect.gen(function* () {
  const options = (capacity: number) =>
    ({ timeToLive: "1 minute", local: { capacity, timeToLive: "1 minute" } }) as const
  const outcomes = yield* Simulator.run({
    traffic: { keys: 1_000, readsPerSecond: 400, writesPerSecond: 1 },
    duration: "10 seconds",
    lookupTime: "30 millis",
    options: {
      "Redis alone": { timeToLive: "1 minute" },
      "10 entries": options(10),
      "50 entries": options(50),
      "250 entries": options(250),
      "1,000 entries": options(1_000)
    }
  })
  yield* Console.log(Simulator.format(outcomes))
})

Effect.runPromise(program)
