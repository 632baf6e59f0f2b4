/**
 * Checks that no read is older than an acknowledged write: several processes write registers with versions, and read them
 * through caches of the same names, while servers are killed, stopped, replaced and cut off. A stale read fails the run.
 *
 * `bun run verify --minutes 5 --topology cluster`, with `standalone`, `sentinel` or `cluster`. `--writes 1000000` continues until
 * so many writes are acknowledged, for `--minutes` at most. `--faults "kill -9,writes lost"` has only these. docs/consistency.md
 * has results.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as ChildProgram from "../test/support/ChildProgram.js"
import * as ServerProcess from "../test/support/server/ServerProcess.js"
import * as Network from "./verify/network.js"
import * as Registers from "./verify/registers.js"
import * as Report from "./verify/report.js"
import * as Settings from "./verify/settings.js"
import { worlds } from "./verify/worlds.js"

/** After so many faults all processes rest, and read what the writes have left. */
const faultsBetweenRests = 8
/** After a fault subscriptions need this time to notice what they have missed. */
const noticing = "2 seconds"
/** A process that needs longer to rest has a call that does not end, or does not recover. */
const restTimeout = "40 seconds"

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    writes: { type: "string" },
    topology: { type: "string", default: "cluster" },
    faults: { type: "string" }
  }
})
const positive = Schema.decodeUnknownSync(Schema.NumberFromString.pipe(Schema.positive()))
const goal = values.writes === undefined ? undefined : positive(values.writes)
const minutes = positive(values.minutes ?? (goal === undefined ? "1" : "60"))
const topology = Schema.decodeUnknownSync(Schema.Literal(...Settings.topologies))(values.topology)

const program = Effect.gen(function* () {
  const world = yield* worlds[topology]
  const network = yield* Network.make(world.servers)
  const file = join(yield* ServerProcess.temporaryDirectory("verify-registers-"), "registers")
  writeFileSync(file, new Uint8Array(Registers.byteLength))
  const memory = Bun.mmap(file, { shared: true })
  const { setCalm } = Registers.make(memory.buffer, memory.byteOffset)
  const reports: Array<Settings.Report> = []
  const ended = new Set<number>()
  const children: Array<ChildProgram.ChildProgram> = []
  for (let index = 0; index < Registers.processes; index++) {
    const { master, ports } = world
    const settings = { topology, ports, master, proxies: network.ports[index] ?? {}, file, index }
    const child = yield* ChildProgram.start({
      program: join(import.meta.dirname, "verify", "process.ts"),
      argument: Schema.encodeSync(Settings.Settings)(settings),
      hear: (line) => {
        reports[index] = Schema.decodeUnknownSync(Settings.Report)(line)
      },
      ended: () => ended.add(index)
    })
    children.push(child)
  }

  /** Gives an order, and waits until all processes have done it once more. */
  const order = (name: "rest" | "check", done: (report: Settings.Report) => number, times: number) =>
    Effect.suspend(() => {
      for (const child of children) child.send(name)
      return Effect.sync(
        () =>
          reports.length === children.length &&
          reports.every((report) => report !== undefined && done(report) === times)
      ).pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (areDone) => areDone || ended.size > 0 }),
        Effect.timeoutFail({ duration: restTimeout, onTimeout: () => name }),
        Effect.mapError((name) => {
          const late = reports.flatMap((report, i) => (done(report) === times ? [] : [i]))
          return `the processes ${late} do not come to an end of "${name}"`
        })
      )
    })

  let rests = 0
  const rest = Effect.gen(function* () {
    yield* world.agree
    rests++
    yield* order("rest", (report) => report.rests, rests)
    yield* Effect.sleep(Registers.hearingMillis)
    yield* order("check", (report) => report.checks, rests)
    for (const child of children) child.send("work")
  })

  const stopOfProcess = Effect.gen(function* () {
    const child = children[yield* Random.nextIntBetween(0, children.length)]
    yield* child?.signal("SIGSTOP") ?? Effect.void
    yield* Effect.sleep(yield* Random.nextIntBetween(200, 4000))
    yield* child?.signal("SIGCONT") ?? Effect.void
  })

  const faults: Readonly<Record<string, Effect.Effect<void>>> = {
    ...world.faults,
    ...network.faults,
    "process stopped": stopOfProcess
  }
  const counted = new Map<string, number>()
  /** for the problems that it explains */
  const timeline: Array<string> = []
  const noted = (what: string) => timeline.push(`${new Date().toISOString()} ${what}`)
  const names = values.faults?.split(",") ?? Object.keys(faults)
  const unknown = names.filter((name) => faults[name] === undefined)
  if (unknown.length > 0) {
    return yield* Effect.dieMessage(`no fault is called ${unknown}: choose among ${Object.keys(faults).join(", ")}`)
  }
  /** Each fault once, in any order, before any of them comes again. */
  let round: Array<string> = []
  const nextFault = Effect.map(Random.shuffle(names), (shuffled) => {
    if (round.length === 0) round = Array.from(shuffled)
    return round.pop() ?? ""
  })
  const begin = yield* Clock.currentTimeMillis
  const elapsedMinutes = Effect.map(Clock.currentTimeMillis, (now) => (now - begin) / 60_000)
  const mayContinue = Effect.map(elapsedMinutes, (elapsed) => {
    const isReached = goal !== undefined && Report.total(reports).acknowledged >= goal
    return elapsed < minutes && !isReached && ended.size === 0
  })

  const work = Effect.gen(function* () {
    yield* Effect.sleep("2 seconds")
    for (let count = 1; yield* mayContinue; count++) {
      const name = yield* nextFault
      setCalm(false)
      noted(`${name} begins`)
      yield* faults[name] ?? Effect.void
      yield* world.agree
      noted(`${name} has ended`)
      counted.set(name, (counted.get(name) ?? 0) + 1)
      yield* Effect.sleep(noticing)
      setCalm(world.hearsAll)
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 4000))
      if (count % faultsBetweenRests === 0) yield* rest
    }
    const before = reports.map(({ acknowledged }) => acknowledged)
    yield* Effect.sleep("2 seconds")
    yield* rest
    return before.flatMap((count, i) =>
      (reports[i]?.acknowledged ?? 0) > count ? [] : [`process ${i} acknowledges no more writes`]
    )
  })

  const outcome = yield* Effect.either(work)
  const { acknowledged, stale } = Report.total(reports)
  const problems = [
    ...Either.merge(Either.mapLeft(outcome, (problem) => [problem])),
    ...Array.from(ended, (index) => `process ${index} has ended`),
    ...(goal === undefined || acknowledged >= goal ? [] : [`no ${goal} writes in ${minutes} minutes`]),
    ...reports.flatMap(({ reads }) => reads.examples)
  ]
  const clocks = world.skewSeconds === 0 ? "" : `, clocks up to ${world.skewSeconds} s apart`
  const what = `${topology}, ${(yield* elapsedMinutes).toFixed(1)} minutes, ${Registers.processes} processes${clocks}`
  const explained = problems.length === 0 ? [] : [...problems, "the faults:", ...timeline]
  const lines = [...Report.text(what, reports, counted), ...explained, ""]
  process.stdout.write(lines.join("\n"))
  return stale === 0 && problems.length === 0
})

process.exitCode = (await Effect.runPromise(Effect.scoped(program))) ? 0 : 1
