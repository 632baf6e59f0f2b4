/**
 * A process of a run that answers each line of its input with a line: both of its ends. It says `ready` first.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ChildProcess from "./ChildProcess.js"

export interface LineProcess {
  readonly ask: (line: string) => Promise<string>
}

/** Starts a program of `bench/programs`. It ends with the scope, by the end of its input. */
export const start = (
  program: string,
  args: ReadonlyArray<string>,
  runtimeArguments: ReadonlyArray<string> = []
): Effect.Effect<LineProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [...runtimeArguments, path, ...args], { stdio: ["pipe", "pipe", "inherit"] })
      ),
      (child) => ChildProcess.end(child, () => child.stdin.end())
    )
    const ended = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`${program} ${args.join(" ")} ended with ${code}`)))
    })
    // no unhandled rejection when the process ends as it should
    ended.catch(() => {})
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const line = async () => String((await Promise.race([lines.next(), ended])).value)
    yield* Effect.promise(line)
    return {
      ask: (question) => {
        child.stdin.write(`${question}\n`)
        return line()
      }
    }
  })

/** The other end: answers each line of the input, until it ends. */
export const answer = <E, R>(reply: (line: string) => Effect.Effect<string, E, R>): Effect.Effect<void, E, R> =>
  Effect.zipRight(
    Console.log("ready"),
    Stream.fromAsyncIterable(createInterface({ input: process.stdin }), identity).pipe(
      Stream.orDie,
      Stream.runForEach((line) => Effect.flatMap(reply(line), Console.log))
    )
  )
