/**
 * Caches and keys as the operator writes them.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as CacheKey from "../../cache/entry/CacheKey.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import { type CommandFailed, usage } from "../frame/CommandFailed.js"

export const cache = Args.text({ name: "cache" }).pipe(
  Args.withDescription("The `name` of the cache, such as user:profile.")
)

export const text = Options.boolean("text").pipe(
  Options.withDescription("Take the key as a text, also where it looks like JSON.")
)

/** A key as the application has it: a text, or the JSON of its encoded form. */
export type WrittenKey =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Json"; readonly json: unknown }

const looksLikeJson = /^\s*[[{"]/

/** What begins as an object, an array or a text of JSON is JSON. Numbers have the same key either way. */
export const written = (key: string, isText: boolean): Either.Either<WrittenKey, CommandFailed> => {
  if (isText || !looksLikeJson.test(key)) return Either.right({ _tag: "Text", text: key })
  return Either.try({
    try: () => ({ _tag: "Json", json: JSON.parse(key) }) as const,
    catch: () =>
      usage(`the key ${key} looks like JSON and is none: quote it for the shell, or take it as it is with --text`)
  })
}

/** The key of Redis. Objects get their canonical form, whatever the order of their fields. */
export const keyOf = (name: string, key: WrittenKey): Either.Either<string, CommandFailed> =>
  Either.mapBoth(
    key._tag === "Text" ? CacheKey.make(name, Schema.String)(key.text) : CacheKey.make(name, Schema.Unknown)(key.json),
    { onLeft: ({ message }) => usage(message), onRight: ({ text }) => text }
  )

/** Fails where no cache can have the name. */
export const checkName = (name: string): Effect.Effect<void, CommandFailed> => {
  const problem = KeyOwner.nameProblem(name)
  return problem === undefined
    ? Effect.void
    : Effect.fail(usage(`no cache can have the name ${JSON.stringify(name)}, which ${problem}`))
}
