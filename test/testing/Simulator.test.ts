import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Simulator } from "effect-cache-toolkit/testing"

const traffic = { keys: 20, readsPerSecond: 40, writesPerSecond: 1 }

/** Plays ten seconds of traffic through one set of options, or what is given otherwise. */
const play = (options: Simulator.SimulatedOptions, given: Partial<Simulator.Simulation<"one">> = {}) =>
  Effect.map(Simulator.run({ traffic, duration: "10 seconds", ...given, options: { one: options } }), ([outcome]) => {
    if (outcome === undefined) throw new Error("no outcome")
    return outcome
  })

describe("a simulation", () => {
  it.live("plays the same traffic for the same seed, through each set of options by its name", () =>
    Effect.gen(function* () {
      const options = { short: { timeToLive: "1 second" }, long: { timeToLive: "1 minute" } } as const
      const once = yield* Simulator.run({ traffic, duration: "10 seconds", options })
      const again = yield* Simulator.run({ traffic, duration: "10 seconds", options })
      expect(again).toEqual(once)
      expect(once.map(({ name }) => name)).toEqual(["short", "long"])
      const [short, long] = once
      expect(short?.reads).toBe(long?.reads)
      // about 400 reads
      expect(short?.reads).toBeGreaterThan(300)
      expect(short?.lookups).toBeGreaterThan(long?.lookups ?? 0)
      const other = yield* Simulator.run({ traffic, duration: "10 seconds", seed: 2, options })
      expect(other[0]?.reads).not.toBe(short?.reads)
    })
  )

  it.live("counts hits of the memory, and the commands and the time that they save", () =>
    Effect.gen(function* () {
      const without = yield* play({ timeToLive: "1 minute" })
      const withLocal = yield* play({ timeToLive: "1 minute", local: { capacity: 20, timeToLive: "10 seconds" } })
      expect(without.hitsLocal).toBe(0)
      expect(withLocal.hitsLocal).toBeGreaterThan(0.5)
      expect(withLocal.commands).toBeLessThan(without.commands)
      expect(Duration.lessThan(withLocal.meanLatency, without.meanLatency)).toBe(true)
      // a lookup takes 20 ms, and some callers wait for one
      expect(Duration.greaterThanOrEqualTo(without.p99Latency, "20 millis")).toBe(true)
    })
  )

  it.live(
    "finds values that the source has replaced, for as long as their time to live, where nothing invalidates them",
    () =>
      Effect.gen(function* () {
        const forgotten = yield* play(
          { timeToLive: "3 seconds", jitter: 0 },
          { traffic: { ...traffic, writesPerSecond: 10, onWrite: "nothing" } }
        )
        expect(forgotten.outdated).toBeGreaterThan(0.1)
        expect(Duration.toMillis(forgotten.longestOutdated)).toBeLessThanOrEqual(3_000)
        const invalidated = yield* play({ timeToLive: "3 seconds" }, { traffic: { ...traffic, writesPerSecond: 10 } })
        expect(invalidated.outdated).toBe(0)
      })
  )

  it.live("plays outages of Redis and of the source", () =>
    Effect.gen(function* () {
      const both = { outages: [{ of: "both", start: "5 seconds", duration: "4 seconds" }] } as const
      const local = { capacity: 20, timeToLive: "1 second" } as const
      const failing = yield* play({ timeToLive: "1 minute", local }, both)
      const remembering = yield* play({ timeToLive: "1 minute", local: { ...local, keepStale: "1 hour" } }, both)
      expect(failing.failed).toBeGreaterThan(0.1)
      expect(remembering.failed).toBeLessThan(failing.failed)
      expect(remembering.stale).toBeGreaterThan(0.1)
      const redis = { outages: [{ of: "redis", start: "5 seconds", duration: "4 seconds" }] } as const
      const degraded = yield* play({ timeToLive: "1 minute" }, redis)
      expect([degraded.failed, degraded.degraded > 0.1]).toEqual([0, true])
    })
  )

  it.live("is a defect that names an option that cannot be right", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(play({ timeToLive: "1 minute" }, { traffic: { ...traffic, readsPerSecond: -1 } }))
      expect(Exit.isFailure(exit) ? `${Cause.squash(exit.cause)}` : "").toContain("traffic.readsPerSecond")
      const unknown = yield* Effect.exit(play({ timeToLive: "1 minute", jitter: 7 }))
      expect(Exit.isFailure(unknown) ? `${Cause.squash(unknown.cause)}` : "").toContain("jitter")
    })
  )

  it.live("formats a table with a line for each set of options", () =>
    Effect.gen(function* () {
      const lines = Simulator.format([yield* play({ timeToLive: "1 minute" })]).split("\n")
      expect(lines.length).toBe(2)
      expect(lines[0]).toContain("lookups")
      expect(new Set(lines.map(({ length }) => length)).size).toBe(1)
      expect(lines[1]).toMatch(/^one .* %/)
    })
  )
})
