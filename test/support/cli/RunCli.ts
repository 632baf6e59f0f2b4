/** Runs the command `effect-cache` in this process, with variables of its own, and keeps what it prints. */

import * as Terminal from "@effect/platform/Terminal"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as EffectCache from "../../../src/cli/EffectCache.js"
import * as Confirmation from "../../../src/cli/frame/Confirmation.js"

export interface Output {
  readonly exitCode: number
  /** the lines of the standard output */
  readonly out: ReadonlyArray<string>
  readonly err: ReadonlyArray<string>
  /** all that reaches the screen */
  readonly all: string
}

export type Variables = Readonly<Record<string, string>>

interface Key {
  readonly name: string
  readonly ctrl?: boolean
}

/** The person at the terminal: the keys that are pressed at once, and those that answer what is displayed. */
interface Person {
  readonly keys: ReadonlyArray<Key>
  readonly answer: (displayed: string) => Key | undefined
}

/** A terminal with a person; undefined where there is none. */
const terminalOf = (person: Person | undefined, display: (text: string) => void): Effect.Effect<Terminal.Terminal> =>
  Effect.gen(function* () {
    const pressed = yield* Mailbox.make<Terminal.UserInput>()
    const press = ({ ctrl = false, name }: Key) =>
      pressed.unsafeOffer({ input: Option.some(name), key: { name, ctrl, meta: false, shift: false } })
    person?.keys.forEach(press)
    return {
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      isTTY: Effect.succeed(person !== undefined),
      readInput: person === undefined ? Effect.dieMessage("there is no terminal") : Effect.succeed(pressed),
      readLine: Effect.fail(new Terminal.QuitException()),
      display: (text) =>
        Effect.sync(() => {
          display(text)
          const key = person?.answer(text)
          if (key !== undefined) press(key)
        })
    }
  })

const runAt = (person: Person | undefined, variables: Variables, args: ReadonlyArray<string>): Effect.Effect<Output> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const original = yield* Console.consoleWith(Effect.succeed)
    const keep =
      (lines: Array<string>) =>
      (...words: ReadonlyArray<unknown>) => {
        lines.push(...words.map(String).join(" ").split("\n"))
      }
    const [log, error] = [keep(out), keep(err)]
    const console: Console.Console = {
      ...original,
      log: (...words) => Effect.sync(() => log(...words)),
      error: (...words) => Effect.sync(() => error(...words)),
      unsafe: { ...original.unsafe, log, error }
    }
    const exitCode = yield* EffectCache.run(["node", "effect-cache", ...args]).pipe(
      Effect.provide(
        Layer.mergeAll(
          NodeFileSystem.layer,
          NodePath.layer,
          Layer.effect(Terminal.Terminal, terminalOf(person, log)),
          Layer.succeed(Confirmation.Attended, person !== undefined),
          Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
        )
      ),
      Effect.withConsole(console)
    )
    return { exitCode, out, err, all: [...out, ...err].join("\n") }
  })

/** Takes the words of the command line behind `effect-cache`. There is no terminal. */
export const run = (variables: Variables, ...args: ReadonlyArray<string>): Effect.Effect<Output> =>
  runAt(undefined, variables, args)

/** Like `run`, at a terminal at which these keys are pressed. */
export const runPressing = (
  keys: ReadonlyArray<string>,
  variables: Variables,
  ...args: ReadonlyArray<string>
): Effect.Effect<Output> => runAt({ keys: keys.map((name) => ({ name })), answer: () => undefined }, variables, args)

/** Like `run`, at a terminal with a person that answers what is displayed by a key. */
export const runAnswering = (
  answer: Person["answer"],
  variables: Variables,
  ...args: ReadonlyArray<string>
): Effect.Effect<Output> => runAt({ keys: [], answer }, variables, args)

/** The one JSON document that a command has printed with `--json`. */
export const json = ({ out }: Output): unknown => JSON.parse(out.join("\n"))
