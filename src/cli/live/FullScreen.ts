/**
 * The whole terminal, which is given back as it was, however the program ends.
 *
 * @internal
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/** The other screen without a cursor, and back. */
const enter = "\u001b[?1049h\u001b[?25l"
const leave = "\u001b[?25h\u001b[?1049l"

/** To the first cell, and everything behind it empty. */
const home = "\u001b[H\u001b[J"

/** Takes the screen for as long as the scope is open. */
export const take: Effect.Effect<void, never, Terminal.Terminal | Scope.Scope> = Effect.gen(function* () {
  const { display } = yield* Terminal.Terminal
  yield* Effect.acquireRelease(Effect.ignore(display(enter)), () => Effect.ignore(display(leave)))
})

export const draw = (text: string): Effect.Effect<void, never, Terminal.Terminal> =>
  Effect.flatMap(Terminal.Terminal, ({ display }) => Effect.ignore(display(home + text)))

/** Returns when q or Ctrl-C is pressed. */
export const quit: Effect.Effect<void, never, Terminal.Terminal> = Effect.gen(function* () {
  const { readInput } = yield* Terminal.Terminal
  const input = yield* readInput
  while (true) {
    // the input has ended, as it does after Ctrl-C
    const pressed = yield* Effect.option(input.take)
    if (Option.isNone(pressed)) return
    const { ctrl, name } = pressed.value.key
    if (name === "q" || name === "escape" || (ctrl && (name === "c" || name === "d"))) return
  }
}).pipe(Effect.scoped)
