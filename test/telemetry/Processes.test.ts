import { fileURLToPath } from "node:url"
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import parse from "parse-prometheus-text-format"
import * as ChildProgram from "../support/ChildProgram.js"

const Report = Schema.parseJson(Schema.Struct({ seconds: Schema.Array(Schema.Number), text: Schema.String }))

const reportOf = (seed: string) =>
  Effect.gen(function* () {
    const line = yield* Deferred.make<string>()
    yield* ChildProgram.start({
      program: fileURLToPath(new URL("./processes/main.ts", import.meta.url)),
      argument: seed,
      hear: (text) => void Deferred.unsafeDone(line, Effect.succeed(text))
    })
    return yield* Schema.decode(Report)(yield* Deferred.await(line))
  })

/** The counts up to each bound, in order. */
const bucketsOf = (text: string): ReadonlyArray<readonly [bound: number, count: number]> => {
  const histogram = parse(text).find(({ name }) => name === "cache_load_duration_seconds")?.metrics[0]?.buckets ?? {}
  return Object.entries(histogram)
    .map(([bound, count]) => [bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), Number(count)] as const)
    .sort(([one], [other]) => one - other)
}

it.scopedLive("the histograms of two processes add up: each percentile of the sum is in its bucket", () =>
  Effect.gen(function* () {
    const reports = yield* Effect.all([reportOf("one"), reportOf("two")], { concurrency: 2 })
    const [one = [], two = []] = reports.map(({ text }) => bucketsOf(text))
    const sum = one.map(([bound, count], i) => [bound, count + (two[i]?.[1] ?? Number.NaN)] as const)
    const seconds = reports.flatMap((report) => report.seconds).sort((a, b) => a - b)
    expect(one.map(([bound]) => bound)).toEqual([
      0.001,
      0.005,
      0.01,
      0.05,
      0.1,
      0.5,
      1,
      5,
      10,
      Number.POSITIVE_INFINITY
    ])
    expect(sum.at(-1)).toEqual([Number.POSITIVE_INFINITY, 600])
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const rank = Math.ceil(share * seconds.length)
      const place = sum.findIndex(([, count]) => count >= rank)
      const truth = seconds[rank - 1] ?? Number.NaN
      expect(truth, `${share}`).toBeLessThanOrEqual(sum[place]?.[0] ?? Number.NaN)
      expect(truth, `${share}`).toBeGreaterThan(sum[place - 1]?.[0] ?? 0)
    }
  })
)
