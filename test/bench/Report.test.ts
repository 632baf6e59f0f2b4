import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { breakdown, stageOfFile } from "../../bench/measure/CpuProfile.js"
import * as Chart from "../../bench/report/Chart.js"
import { compare } from "../../bench/report/Comparison.js"
import * as Markdown from "../../bench/report/Markdown.js"
import { reachedBy } from "../../bench/report/targets.js"
import * as CommandLine from "../../bench/run/CommandLine.js"
import * as MeasurementPlan from "../../bench/workloads/MeasurementPlan.js"
import { root } from "../support/root.js"

const measuredOn = {
  machine: { cpu: "a processor", cores: 2, memoryGiB: 8, system: "linux x64" },
  versions: { server: "Redis 7.0.15", bun: "1.4.5" }
}

const results = compare("reads (1,000 keys)", 128, [
  { subject: "toolkit", rates: [250_000] },
  { subject: "peer | <other>", rates: [100_000] }
])

describe("the report", () => {
  const text = Markdown.document(
    measuredOn,
    [
      {
        workload: { name: "reads", description: "What is read." },
        outcome: {
          results,
          quantities: [{ workload: "memory", subject: "toolkit", what: "for each entry", value: 1_234, unit: "bytes" }]
        }
      }
    ],
    "speed.svg",
    5
  )

  it("says that no hand wrote it, and what it was measured on", () => {
    expect(text.split("\n")[0]).toBe("<!-- Written by `bun run bench`. Do not edit: run it again. -->")
    expect(text).toContain("2 × a processor, 8 GiB, linux x64")
    expect(text).toContain("server Redis 7.0.15, bun 1.4.5")
    expect(text).toContain("median of 5 rounds or more")
  })

  it("has the ratio before the rate, and every cell in its column", () => {
    expect(text).toContain("|  | at once | × peer \\| <other> | toolkit, per second |")
    expect(text).toContain("| reads (1,000 keys) | 128 | **2.5** (100 k) | 250 k |")
    expect(text).toContain("| toolkit | for each entry | 1,234 bytes |")
  })
})

describe("the report of a workload with tables", () => {
  it("shows them in place of its quantities", () => {
    const quantity = { workload: "w", subject: "toolkit", what: "more", value: 7, unit: "%" }
    const tables = [{ head: ["of one", "1", "8"], rows: [["lock", "2.00 µs", "3.00 µs"]] }]
    const outcome = { results: [], quantities: [quantity], tables }
    const text = Markdown.document(measuredOn, [{ workload: { name: "w", description: "d" }, outcome }], "speed.svg", 5)
    expect(text).toContain("| of one | 1 | 8 |\n| --- | ---: | ---: |\n| lock | 2.00 µs | 3.00 µs |")
    expect(text).not.toContain("7 %")
  })
})

describe("the targets", () => {
  const rates = (ours: number, theirs: number) =>
    compare("redis-get (1,000 keys, uniform)", 128, [
      { subject: "toolkit", rates: [ours] },
      { subject: "Bun client", rates: [theirs] }
    ])
  const growth = (value: number) => ({
    workload: "memory over 10 operations",
    subject: "resident size",
    what: "growth",
    value,
    unit: "%"
  })

  it("are said to be missed where they are, and only those that were measured are named", () => {
    expect(reachedBy({ results: rates(200, 100), quantities: [growth(5)] })).toEqual([
      {
        what: "`get` of RedisClient, 128 at once",
        target: "≥ 2 ×",
        peer: "Bun client",
        reached: "2 ×",
        isReached: true,
        limit: undefined
      },
      {
        what: "growth of the resident size from the second quarter of a run to the last",
        target: "≤ 5 %",
        peer: undefined,
        reached: "5 %",
        isReached: true,
        limit: undefined
      }
    ])
    expect(
      reachedBy({ results: rates(199, 100), quantities: [growth(5.1)] }).map(({ isReached }) => isReached)
    ).toEqual([false, false])
  })

  it("say what the limit reached beside the same peer", () => {
    const results = compare("typed-shared (1,000 keys, uniform)", 128, [
      { subject: "toolkit", rates: [200] },
      { subject: "MGET + JSON.parse + validation", rates: [300] },
      { subject: "bentocache", rates: [100] }
    ])
    expect(reachedBy({ results, quantities: [] })).toEqual([
      {
        what: "typed read from Redis, 128 at once",
        target: "≥ 4 ×",
        peer: "bentocache",
        reached: "2 ×",
        isReached: false,
        limit: "3 ×"
      }
    ])
  })

  it("count beside the fastest of several peers, and name it", () => {
    const results = compare("set (typed)", 128, [
      { subject: "toolkit", rates: [100] },
      { subject: "Bun client + JSON.stringify", rates: [400] },
      { subject: "bentocache", rates: [50] },
      { subject: "keyv", rates: [80] }
    ])
    expect(reachedBy({ results, quantities: [] })).toEqual([
      {
        what: "typed `set`, 128 at once",
        target: "≥ 1.2 ×",
        peer: "keyv",
        reached: "1.25 ×",
        isReached: true,
        limit: undefined
      }
    ])
  })

  it("count what the server spends beside the peer that spends least", () => {
    const spent = (subject: string, value: number) => ({
      workload: "set (typed)",
      subject,
      what: "processor time of the server for each operation",
      value,
      unit: "µs"
    })
    const quantities = [
      spent("toolkit", 3),
      spent("Bun client + JSON.stringify", 1),
      spent("keyv", 2),
      spent("bentocache", 4)
    ]
    expect(reachedBy({ results: [], quantities })).toEqual([
      {
        what: "the server's processor time of a typed `set`",
        target: "≤ 1.5 ×",
        peer: "keyv",
        reached: "1.5 × (3 and 2 µs)",
        isReached: true,
        limit: undefined
      }
    ])
  })

  it("take the largest of several measurements of one bound, and name it", () => {
    const more = (workload: string, value: number) => ({
      workload: `overhead (${workload} reads)`,
      subject: "toolkit below an unsampled span",
      what: "more time than without a span",
      value,
      unit: "%"
    })
    const [reached] = reachedBy({ results: [], quantities: [more("local", 1), more("shared", 4)] })
    expect(reached).toMatchObject({ reached: "4 % (overhead (shared reads))", isReached: false })
  })

  it("are measured longer and more often than the rest", () => {
    const timing = (workload: string, concurrency: number) =>
      MeasurementPlan.timingOf(MeasurementPlan.standard, workload, concurrency)
    const { ofTargets, rounds } = MeasurementPlan.standard
    expect(ofTargets.rounds).toBeGreaterThan(rounds)
    expect(timing("redis-get (1,000 keys, uniform)", 1)).toBe(ofTargets)
    expect(timing("redis-get (1,000 keys, uniform)", 16).rounds).toBe(rounds)
    expect(timing("redis-get (100,000 keys, Zipf)", 128).rounds).toBe(rounds)
    expect(timing("set (typed)", 16)).toBe(ofTargets)
    expect(timing("get-many (1,000 keys, uniform)", 128)).toBe(ofTargets)
  })
})

describe("the chart", () => {
  const svg = Chart.draw("Speed", [{ title: "reads & more", results }])

  it("draws the fastest longest and the others in proportion", () => {
    const lengths = Array.from(svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g), ([, length]) => Number(length))
    const [own = 0, other = 0] = lengths
    expect(lengths.length).toBe(2)
    expect(other / own).toBeCloseTo(0.4, 2)
  })

  it("is XML whatever the names are", () => {
    expect(svg).toContain("peer | &lt;other&gt;")
    expect(svg).toContain("reads &amp; more")
  })
})

describe("a profile", () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0 })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame("(root)", ""), children: [2] },
      { id: 2, callFrame: frame("runLoop", "file:///x/effect/dist/esm/internal/fiberRuntime.js"), children: [3, 6] },
      { id: 3, callFrame: frame("flush", "file:///x/src/redis/connection/queue/CommandQueue.ts"), children: [4, 5] },
      { id: 4, callFrame: frame("map", "file:///x/effect/dist/esm/Array.js"), children: [] },
      { id: 5, callFrame: frame("send", ""), children: [] },
      { id: 6, callFrame: frame("decode", "file:///x/src/cache/entry/EntryCodec.ts"), children: [7] },
      { id: 7, callFrame: frame("parse", ""), children: [] }
    ],
    // the first one is older than what was measured
    samples: [3, 2, 3, 4, 5, 7, 7],
    timeDeltas: [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]
  }
  const { hottest, shares } = breakdown(profile, { millis: 6, processorMillis: 10, intervalMillis: 1 })
  const share = (of: string) => shares.find(({ stage }) => stage === of)?.share

  it("gives a helper's time to the stage that called it", () => {
    expect(share("fiber")).toBeCloseTo(0.1)
    expect(share("queue")).toBeCloseTo(0.2)
    expect(share("wire")).toBeCloseTo(0.1)
    expect(share("decode")).toBeCloseTo(0.2)
  })

  it("gives what the process used beside JavaScript to the runtime, and nothing is lost", () => {
    expect(share("runtime")).toBeCloseTo(0.4)
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })

  it("knows the files of each stage by the paths that they have", () => {
    const files = ["src", "bench/measure", "node_modules/effect/dist/esm", "node_modules/lru-cache/dist"].flatMap(
      (folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => `file:///x/${folder}/${file}`)
    )
    const unmatched = stageOfFile.filter(([pattern]) => !files.some((file) => pattern.test(file)))
    expect(unmatched).toEqual([])
  })

  it("names the hottest function", () => {
    expect(hottest[0]).toEqual({ name: "parse (the runtime)", share: 0.2 })
  })
})

describe("the command line", () => {
  it.effect("takes names and options, and rejects what it does not know", () =>
    Effect.gen(function* () {
      expect(yield* CommandLine.parse(["redis-get", "lock", "--json", "out.json"])).toEqual({
        names: ["redis-get", "lock"],
        json: "out.json",
        isFull: false,
        isQuick: false,
        isHelp: false,
        isVersion: false
      })
      const rejected = yield* Effect.either(CommandLine.parse(["--fast"]))
      expect(Either.isLeft(rejected) && rejected.left.message).toContain("--fast")
    })
  )
})
