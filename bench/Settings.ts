/**
 * How much is measured, by how much time there is.
 */
import { keySet, keySets } from "./Keys.js"
import type { Settings } from "./Workload.js"

const concurrencies = [1, 16, 128, 1_000]

const hot = keySet(1_000, "uniform")

/** Every concurrency on the keys that are hot, and the concurrency of the targets on the many. */
export const standard: Settings = {
  rounds: 5,
  millis: 120,
  warmUpMillis: 100,
  ofTargets: { rounds: 9, millis: 240, warmUpMillis: 200 },
  concurrencies,
  points: [
    ...concurrencies.map((concurrency) => ({ keys: hot, concurrency })),
    { keys: keySet(100_000, "Zipf"), concurrency: 128 }
  ],
  operations: 200_000
}

export const full: Settings = {
  rounds: 7,
  millis: 400,
  warmUpMillis: 200,
  ofTargets: { rounds: 9, millis: 400, warmUpMillis: 200 },
  concurrencies,
  points: keySets.flatMap((keys) => concurrencies.map((concurrency) => ({ keys, concurrency }))),
  operations: 5_000_000
}
