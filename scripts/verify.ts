/**
 * Checks that no read is older than an acknowledged write: several processes write registers with versions, and read them
 * through caches of one name, while servers are killed, stopped, replaced and cut off. A stale read fails the run.
 *
 * `bun run verify --minutes 5 --topology cluster`, with `standalone`, `sentinel` or `cluster`. docs/consistency.md has results.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as ChildProgram from "../test/support/ChildProgram.js"
import * as ServerProcess from "../test/support/server/ServerProcess.js"
import { Counts, fileBytes, Settings, topologies } from "./verify/settings.js"
import { worlds } from "./verify/worlds.js"

const processes = 3
/** without a fault, at the end: every process has read what the last writes have left */
const restSeconds = 5

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    topology: { type: "string", default: "cluster" }
  }
})
const minutes = Schema.decodeUnknownSync(Schema.NumberFromString.pipe(Schema.positive()))(values.minutes)
const topology = Schema.decodeUnknownSync(Schema.Literal(...topologies))(values.topology)

/** The share of reads that were not stale, as the number of its nines. */
const ninesOf = (reads: number, stale: number): string =>
  stale === 0 ? `more than ${Math.floor(Math.log10(reads))}` : Math.log10(reads / stale).toFixed(1)

const program = Effect.gen(function* () {
  const world = yield* worlds[topology]
  const file = join(yield* ServerProcess.temporaryDirectory("verify-registers-"), "registers")
  writeFileSync(file, new Uint8Array(fileBytes))
  const counts: Array<typeof Counts.Type> = []
  const ended = new Set<number>()
  for (let index = 0; index < processes; index++) {
    const settings = { topology, ports: world.ports, master: world.master, file, processes, index }
    yield* ChildProgram.start({
      program: join(import.meta.dirname, "verify", "register.ts"),
      argument: Schema.encodeSync(Settings)(settings),
      hear: (line) => {
        counts[index] = Schema.decodeUnknownSync(Counts)(line)
      },
      ended: () => ended.add(index)
    })
  }
  const faults = new Map<string, number>()
  const names = Object.keys(world.faults)
  const end = (yield* Clock.currentTimeMillis) + minutes * 60_000 - restSeconds * 1000
  yield* Effect.sleep("2 seconds")
  while ((yield* Clock.currentTimeMillis) < end && ended.size === 0) {
    const name = names[yield* Random.nextIntBetween(0, names.length)] ?? ""
    yield* world.faults[name] ?? Effect.void
    faults.set(name, (faults.get(name) ?? 0) + 1)
    yield* Effect.sleep(yield* Random.nextIntBetween(1000, 6000))
  }
  const before = counts.map(({ acknowledged }) => acknowledged)
  yield* Effect.sleep(restSeconds * 1000)
  const problems = [
    ...Array.from(ended, (index) => `process ${index} has ended`),
    ...before.flatMap((count, i) => ((counts[i]?.acknowledged ?? 0) > count ? [] : [`process ${i} writes no more`])),
    ...counts.flatMap(({ examples }) => examples)
  ]
  const sum = (field: Exclude<keyof typeof Counts.Type, "examples">) =>
    counts.reduce((total, count) => total + count[field], 0)
  const reads = sum("reads")
  const stale = sum("stale")
  process.stdout.write(
    [
      `${topology}, ${minutes} minutes, ${processes} processes`,
      `reads   ${reads}, of which ${sum("degraded")} without Redis`,
      `writes  ${sum("acknowledged")} acknowledged, ${sum("kept")} kept to be sent again`,
      `faults  ${Array.from(faults, ([name, count]) => `${count} ${name}`).join(", ")}`,
      `stale   ${stale}: ${ninesOf(reads, stale)} nines`,
      ...problems,
      ""
    ].join("\n")
  )
  return problems.length === 0 && counts.length === processes
})

process.exitCode = (await Effect.runPromise(Effect.scoped(program))) ? 0 : 1
