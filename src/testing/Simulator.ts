/**
 * Plays the traffic of an application through the options of a cache, and says what each set of options would do: hits, lookups,
 * latency, and how outdated the answers are. So options are chosen by figures.
 *
 * The caches are real ones over Redis in memory. Time is simulated: minutes of traffic take seconds.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as Playback from "./simulation/Playback.js"
import type { Outcome, Simulation } from "./simulation/Simulation.js"

export type {
  Outcome,
  SimulatedOptions,
  SimulatedOutage,
  Simulation,
  Traffic
} from "./simulation/Simulation.js"

const checked = <Name extends string>(simulation: Simulation<Name>): Simulation<Name> => {
  const { duration, outages = [], seed, traffic } = simulation
  const check = OptionCheck.make("Simulator")
  check.wholeNumber("traffic.keys", traffic.keys)
  check.wholeNumber("traffic.processes", traffic.processes)
  check.wholeNumber("seed", seed, { least: 0 })
  for (const [option, value] of Object.entries({
    "traffic.readsPerSecond": traffic.readsPerSecond,
    "traffic.writesPerSecond": traffic.writesPerSecond,
    "traffic.skew": traffic.skew
  })) {
    if (value !== undefined && !(value >= 0 && value < Infinity)) check.reject(option, value, "a number of at least 0")
  }
  check.positiveDuration("duration", duration)
  check.duration("lookupTime", simulation.lookupTime)
  check.duration("roundTrip", simulation.roundTrip)
  for (const [place, outage] of outages.entries()) {
    check.duration(`outages[${place}].start`, outage.start)
    check.positiveDuration(`outages[${place}].duration`, outage.duration)
  }
  return simulation
}

/**
 * Plays the same traffic through each set of options, one after the other. It may be interrupted, and run again. An option that
 * cannot be right is a defect that names it.
 *
 * @since 0.2.0
 * @category execution
 * @example
 * import { Simulator } from "effect-cache-toolkit/testing"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const outcomes = Simulator.run({
 *   traffic: { keys: 1_000, readsPerSecond: 200, writesPerSecond: 1, processes: 2 },
 *   duration: "20 seconds",
 *   options: {
 *     today: { timeToLive: "5 seconds" },
 *     "with a local tier": { timeToLive: "1 minute", local: { capacity: 500, timeToLive: "5 seconds" } }
 *   }
 * })
 *
 * Effect.runPromise(Effect.flatMap(outcomes, (outcomes) => Console.log(Simulator.format(outcomes))))
 */
export const run = <Name extends string>(
  simulation: Simulation<Name>
): Effect.Effect<ReadonlyArray<Outcome & { readonly name: Name }>> =>
  Effect.suspend(() => {
    const plan = Playback.planOf(checked(simulation))
    const names = Object.keys(simulation.options) as Array<Name>
    return Effect.forEach(names, (name) =>
      Effect.map(Playback.play(name, simulation.options[name], plan), (outcome) => ({ ...outcome, name }))
    )
  })

const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`
const millis = (duration: Duration.Duration): string => {
  const value = Duration.toMillis(duration)
  return value >= 1_000 ? `${(value / 1_000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

const columns: ReadonlyArray<readonly [title: string, of: (outcome: Outcome) => string]> = [
  ["options", ({ name }) => name],
  ["local", ({ hitsLocal }) => percent(hitsLocal)],
  ["Redis", ({ hitsRedis }) => percent(hitsRedis)],
  ["stale", ({ stale }) => percent(stale)],
  ["failed", ({ failed }) => percent(failed)],
  ["lookups", ({ lookups }) => `${lookups}`],
  ["peak /s", ({ peakLookupsPerSecond }) => `${peakLookupsPerSecond}`],
  ["commands", ({ commands }) => `${commands}`],
  ["mean", ({ meanLatency }) => millis(meanLatency)],
  ["p99", ({ p99Latency }) => millis(p99Latency)],
  ["outdated", ({ outdated }) => percent(outdated)],
  ["at most for", ({ longestOutdated }) => millis(longestOutdated)]
]

/**
 * Formats outcomes as a table of text, one line for each set of options.
 *
 * @since 0.2.0
 * @category conversions
 */
export const format = (outcomes: ReadonlyArray<Outcome>): string => {
  const rows = [columns.map(([title]) => title), ...outcomes.map((outcome) => columns.map(([, of]) => of(outcome)))]
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
    )
    .join("\n")
}
