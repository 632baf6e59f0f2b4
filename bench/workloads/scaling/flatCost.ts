import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { median } from "../../measure/statistics.js"
import type { Quantity, Table } from "../../report/Outcome.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import * as LineProcess from "../../run/LineProcess.js"
import { fillCached, fillTexts } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import * as ServerTime from "../ServerTime.js"
import type { Workload } from "../Workload.js"

/** of each process */
const concurrency = 128

/**
 * The operations of `bench/programs/operations.ts`, and how many of them a process runs in a round: a number instead of a time,
 * so that each process has compiled as much when many share the cores. The first is no part of the toolkit: what it costs more,
 * every client pays.
 */
const operations = {
  get: { name: "GET by Bun's client", count: 15_000 },
  hit: { name: "hit from Redis", count: 30_000 },
  set: { name: "typed set", count: 8_000 },
  miss: { name: "miss", count: 4_000 },
  limit: { name: "rate limit", count: 8_000 },
  lock: { name: "lock", count: 3_000 }
} as const

type Operation = keyof typeof operations

const allOperations: ReadonlyArray<Operation> = ["get", "hit", "set", "miss", "limit", "lock"]

const fewKeys = 1_000

/** how many processes share a server that stores few values */
const processCounts = [1, 2, 4, 8]

/** how many values the server of one process stores */
const keyCounts = [fewKeys, 100_000, 1_000_000]

/** of which the median counts, after one that does not: the compiler is still at work */
const rounds = 3

/** Microseconds of processor time of one operation. */
interface Cost {
  readonly client: number
  readonly server: number
}

const sides = ["client", "server"] as const

/** All processes do the same at once. */
const costOf = (processes: ReadonlyArray<LineProcess.LineProcess>, operation: Operation) =>
  Effect.gen(function* () {
    const { count } = operations[operation]
    const before = yield* ServerTime.total
    const micros = yield* Effect.promise(() =>
      Promise.all(processes.map(async ({ ask }) => Number(await ask(`${operation} ${concurrency} ${count}`))))
    )
    const server = (yield* ServerTime.total) - before
    const all = count * processes.length
    return { client: micros.reduce((sum, one) => sum + one, 0) / all, server: server / all }
  })

/** What every operation costs so many processes on a server that stores so many values: the median of the rounds. */
const costs = (processCount: number, keyCount: number) =>
  Effect.gen(function* () {
    const { url } = yield* BenchServer
    const bun = yield* bunClient(url)
    yield* fillTexts(bun, keyCount)
    yield* fillCached(yield* Toolkit.profiles(url, { name: "flat" }), bun, keyCount)
    const processes = yield* Effect.forEach(
      Array.from({ length: processCount }, (_, number) => number),
      (number) => LineProcess.start("operations.ts", [url, `${number}`, `${keyCount}`]),
      { concurrency: "unbounded" }
    )
    const measured = new Map(allOperations.map((operation) => [operation, [] as Array<Cost>]))
    for (let round = 0; round <= rounds; round++) {
      for (const [operation, all] of measured) {
        const cost = yield* costOf(processes, operation)
        if (round > 0) all.push(cost)
      }
    }
    yield* Console.log(`  measured: ${processCount} processes, ${keyCount.toLocaleString("en-US")} values`)
    return (operation: Operation, side: keyof Cost) => median((measured.get(operation) ?? []).map((cost) => cost[side]))
  }).pipe(Effect.scoped, emptied)

/** The costs at each scale, and how much more the last one is than the first. */
const scaled = (
  unit: string,
  scales: ReadonlyArray<number>,
  costsAt: ReadonlyArray<(operation: Operation, side: keyof Cost) => number>
): { readonly table: Table; readonly quantities: ReadonlyArray<Quantity> } => {
  const rows = sides.flatMap((side) =>
    allOperations.map((operation) => {
      const all = costsAt.map((cost) => cost(operation, side))
      const more = Math.round(100 * ((all.at(-1) ?? Number.NaN) / (all[0] ?? Number.NaN) - 1))
      return { side, operation, all, more }
    })
  )
  const numbers = scales.map((scale) => scale.toLocaleString("en-US"))
  return {
    table: {
      head: [`processor time of one, by ${unit}`, "of the", ...numbers, "more"],
      rows: rows.map(({ all, more, operation, side }) => [
        operations[operation].name,
        side,
        ...all.map((micros) => `${micros.toFixed(2)} µs`),
        `${more} %`
      ])
    },
    quantities: rows
      .filter(({ operation }) => operation !== "get")
      .map(({ more, operation, side }) => ({
        workload: `flat-cost (${operations[operation].name}, of the ${side})`,
        subject: "toolkit",
        what: `more time with ${numbers.at(-1)} ${unit} than with ${numbers[0]}`,
        value: more,
        unit: "%"
      }))
  }
}

export const flatCost: Workload = {
  name: "flat-cost",
  description: `What an operation costs its client and the server, as more processes share a server and as it stores more values: processor time, since the processes also share the cores. ${concurrency} callers in each process. Hits and sets draw their keys by Zipf from all that are stored; a limit counts one of 1,000 keys; misses and locks have keys of their own. What GET by Bun's client costs more, the server and the processor's cache cost every client.`,
  run: () =>
    Effect.gen(function* () {
      const [alone, ...shared] = yield* Effect.forEach(processCounts, (count) => costs(count, fewKeys))
      if (alone === undefined) return yield* Effect.dieMessage("no process was measured")
      const byKeys = yield* Effect.forEach(keyCounts.slice(1), (count) => costs(1, count))
      const all = [
        scaled("processes", processCounts, [alone, ...shared]),
        scaled("values", keyCounts, [alone, ...byKeys])
      ]
      return {
        results: [],
        quantities: all.flatMap(({ quantities }) => quantities),
        tables: all.map(({ table }) => table)
      }
    })
}
