/**
 * Whether a script's model does what its Lua does: random inputs, with time passing and keys being tampered with in
 * between, on memory and on a real server.
 */
import type * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import type * as Scope from "effect/Scope"
import type { RedisScript } from "../../../src/redis/RedisScript.js"
import { advance, command, compare, dump, type Step, script as scriptStep } from "./programs.js"

/**
 * Dies when the script answers otherwise on the model than on a server, or leaves something else behind.
 *
 * Times to live in inputs should be whole multiples of five seconds, since a run takes a little time on a server. A script
 * must take the time as an argument to be compared in what it answers about time: `inputs` may be functions of it.
 */
export const compareScript = <Input, Output>(
  script: RedisScript<Input, Output>,
  inputs: fc.Arbitrary<Input | ((now: number) => Input)>,
  options: {
    /** other steps to mix in: more scripts on the same keys, commands */
    readonly others?: fc.Arbitrary<Step>
    readonly numRuns?: number
    /** makes a reply comparable that tells a time which passes on a server */
    readonly comparable?: (reply: unknown) => unknown
  } = {}
): Effect.Effect<void, never, Scope.Scope> => {
  const runs = inputs.map((input) => scriptStep(script, input, options.comparable))
  const between = [
    { weight: 2, arbitrary: fc.constantFrom(5_000, 10_000, 30_000).map(advance) },
    { weight: 1, arbitrary: runs.chain((step) => tampering(keysOf(step))) },
    ...(options.others === undefined ? [] : [{ weight: 4, arbitrary: options.others }])
  ]
  return compare({
    programs: fc.array(fc.oneof({ weight: 6, arbitrary: runs }, ...between), {
      minLength: 1,
      maxLength: 20,
      size: "max"
    }),
    observe: (program) => dump(Array.from(new Set(program.flatMap(keysOf)))),
    numRuns: options.numRuns ?? 500
  })
}

const keysOf = (step: Step): ReadonlyArray<string> => (step._tag === "Script" ? step.keys : [])

/** What other programs might have left under a key, or done to it. */
const tampering = (keys: ReadonlyArray<string>): fc.Arbitrary<Step> =>
  fc
    .constantFrom(...keys)
    .chain((key) =>
      fc.constantFrom(
        command("DEL", key),
        command("PERSIST", key),
        command("SET", key, "text"),
        command("SET", key, "7"),
        command("SET", key, "7", "EX", 60),
        command("ZADD", key, 1, "member")
      )
    )
