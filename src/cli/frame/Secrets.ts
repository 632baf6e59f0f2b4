/**
 * Keeps secrets off the screen. Errors and addresses leave them out already. This is the second fence: whatever a command
 * prints, the secrets of the environment are masked in it.
 *
 * @internal
 */
import { stripVTControlCharacters } from "node:util"
import * as Terminal from "@effect/platform/Terminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SecretConfig from "../../internal/input/SecretConfig.js"

const variables = ["REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD", "API_TOKEN", "EFFECT_CACHE_TOKEN"]

/** A shorter secret is part of many words, and masking it would destroy the output without hiding it. */
const shortest = 4

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The password of a URL, as it stands there and decoded. A URL without one is no secret. */
const passwordsOf = (url: string): ReadonlyArray<string> => {
  const password = /^[^:]*:\/\/[^/?#]*?:(.*)@/.exec(url)?.[1] ?? ""
  return [password, decoded(password)]
}

const valueOf = (variable: string): Effect.Effect<string> =>
  // what cannot be read is no secret that a command could print
  Effect.map(Effect.option(SecretConfig.make(variable)), (secret) =>
    Option.match(Option.flatten(secret), { onNone: () => "", onSome: Redacted.value })
  )

/** The forms in which a secret may stand in a text. */
const formsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1)
]

/** Replaces every secret of the environment by asterisks. */
const mask: Effect.Effect<(text: string) => string> = Effect.gen(function* () {
  const secrets = yield* Effect.forEach(variables, valueOf)
  const url = yield* valueOf("REDIS_URL")
  const forms = [...secrets, ...passwordsOf(url)].flatMap(formsOf).filter((form) => form.length >= shortest)
  // a secret that holds another one is replaced first
  const longestFirst = [...new Set(forms)].sort((one, other) => other.length - one.length)
  return (text) => longestFirst.reduce((masked, form) => masked.replaceAll(form, "****"), text)
})

/** A console that masks every text. */
const maskedConsole = (mask: (text: string) => string, console: Console.Console): Console.Console => {
  const masked = (args: ReadonlyArray<unknown>) => args.map((arg) => (typeof arg === "string" ? mask(arg) : arg))
  return {
    ...console,
    log: (...args) => console.log(...masked(args)),
    error: (...args) => console.error(...masked(args)),
    unsafe: {
      ...console.unsafe,
      log: (...args) => console.unsafe.log(...masked(args)),
      error: (...args) => console.unsafe.error(...masked(args))
    }
  }
}

/**
 * Runs a program whose console and terminal show no secret. Colours are for terminals: a file or a pipe gets plain text.
 */
export const hidden = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Terminal.Terminal> =>
  Effect.gen(function* () {
    const hide = yield* mask
    const terminal = yield* Terminal.Terminal
    const isTerminal = yield* terminal.isTTY
    const maskText = (text: string) => hide(isTerminal ? text : stripVTControlCharacters(text))
    const console = yield* Console.consoleWith(Effect.succeed)
    return yield* program.pipe(
      Effect.provideService(Terminal.Terminal, {
        ...terminal,
        display: (text) => terminal.display(maskText(text))
      }),
      Effect.withConsole(maskedConsole(maskText, console))
    )
  })
