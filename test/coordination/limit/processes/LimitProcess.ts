/** A process of `main.ts`, as a test holds it. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ChildProgram from "../../../support/ChildProgram.js"
import { until } from "../../../support/until.js"
import { Counts, Settings } from "./messages.js"

export interface LimitProcess extends Pick<ChildProgram.ChildProgram, "signal" | "kill"> {
  /** what it said last */
  readonly counts: () => Counts
}

const program = fileURLToPath(new URL("./main.ts", import.meta.url))
const decode = Schema.decodeSync(Counts)
const encode = Schema.encodeSync(Settings)

/** Returns when Redis has answered the process; its end is that of the scope. */
export const start = (settings: Settings): Effect.Effect<LimitProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    let last: Counts = { allowed: 0, rejected: 0, blocked: 0, denied: 0, allowedWithoutRedis: 0 }
    const child = yield* ChildProgram.start({
      program,
      argument: encode(settings),
      hear: (line) => {
        last = decode(line)
      }
    })
    yield* until("the process is answered", () => last.allowed + last.rejected > 0)
    return { counts: () => last, signal: child.signal, kill: child.kill }
  })
