/** A child process that runs `main.ts`. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ChildProgram from "../../../support/ChildProgram.js"
import { Order, Report, Settings } from "./messages.js"

export interface LockProcess extends Pick<ChildProgram.ChildProgram, "signal" | "kill"> {
  readonly name: string
  /** all that it has said so far */
  readonly reports: ReadonlyArray<Report>
  /** how often each fiber has had its turn since the last `forget` */
  readonly turns: () => ReadonlyArray<number>
  readonly forget: () => void
  /** The next of its fibers that gets in stays inside; answers its fencing token when it is there. */
  readonly stayInside: Effect.Effect<number>
  readonly goOn: Effect.Effect<void>
  /** Stops it between two writes, which it notes in the database; SIGCONT wakes it. */
  readonly stop: Effect.Effect<void>
}

/** Waits until the condition holds. Only the test's own timeout bounds the wait, since machines may be busy. */
export const becomes = (holds: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.sync(holds), { schedule: Schedule.spaced("20 millis"), until: (now) => now }))

const program = fileURLToPath(new URL("./main.ts", import.meta.url))

const decodeReport = Schema.decodeSync(Report)
const encodeOrder = Schema.encodeSync(Order)
const encodeSettings = Schema.encodeSync(Settings)

/** Returns when its fibers have started. The process ends with the scope. */
export const start = (settings: Settings): Effect.Effect<LockProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const reports: Array<Report> = []
    let turns = new Array<number>(settings.fibers).fill(0)

    const hear = (report: Report) => {
      reports.push(report)
      if (report._tag === "Done") turns[report.fiber] = (turns[report.fiber] ?? 0) + 1
    }

    const child = yield* ChildProgram.start({
      program,
      argument: encodeSettings(settings),
      hear: (line) => hear(decodeReport(line))
    })
    const order = (order: Order) => Effect.sync(() => child.send(encodeOrder(order)))
    const inside = () => reports.filter((report) => report._tag === "Inside")

    yield* becomes(() => reports.length > 0)
    return {
      name: settings.name,
      reports,
      turns: () => turns,
      forget: () => {
        turns = turns.map(() => 0)
      },
      stayInside: Effect.gen(function* () {
        const before = inside().length
        yield* order("Stay")
        yield* becomes(() => inside().length > before)
        return inside()[before]?.token ?? 0
      }),
      goOn: order("GoOn"),
      stop: order("Stop"),
      signal: child.signal,
      kill: child.kill
    }
  })
