/**
 * `effect-cache invalidate <cache> [<key>…] [--tag <tag>]…` and `effect-cache clear <cache>`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as CacheArguments from "./CacheArguments.js"
import * as Invalidation from "./Invalidation.js"

const keys = Args.text({ name: "key" }).pipe(
  Args.withDescription("A key as the application has it: a text, or the JSON of an object or array."),
  Args.repeated
)

const tags = Options.text("tag").pipe(
  Options.withDescription("Invalidate every entry with this tag. May be given several times."),
  Options.repeated
)

export const invalidate = Command.make(
  "invalidate",
  {
    cache: CacheArguments.cache,
    keys,
    tags,
    text: CacheArguments.text,
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ cache, json, keys, tags, text, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      if (keys.length + tags.length === 0) {
        return yield* usage(
          "nothing to invalidate: name keys, or tags with --tag; `effect-cache clear` takes the whole cache"
        )
      }
      const written = yield* Effect.forEach(keys, (key) => CacheArguments.written(key, text))
      yield* Effect.forEach(written, (key) => CacheArguments.keyOf(cache, key))
      const what = [...keys.map((key) => `the key ${key}`), ...tags.map((tag) => `the tag ${tag}`)].join(", ")
      yield* Confirmation.required({ yes, json }, `invalidate in the cache ${cache}: ${what}`)
      yield* Invalidation.keys(cache, written).pipe(
        Effect.zipRight(Invalidation.tags(cache, tags)),
        Effect.scoped,
        Connection.provide()
      )
      yield* Screen.print(json, {
        lines: [`invalidated in the cache ${cache}: ${what}`],
        data: { cache, invalidated: { keys, tags } }
      })
    })
).pipe(
  Command.withDescription(
    "Invalidate entries by key or by tag, as the application does: every process drops its copies. The next read looks up."
  )
)

export const clear = Command.make(
  "clear",
  { cache: CacheArguments.cache, yes: Confirmation.yes, json: Screen.json },
  ({ cache, json, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      yield* Confirmation.required({ yes, json }, `invalidate every entry of the cache ${cache}`)
      yield* Invalidation.clear(cache).pipe(Effect.scoped, Connection.provide())
      yield* Screen.print(json, { lines: [`cleared the cache ${cache}`], data: { cache, cleared: true } })
    })
).pipe(
  Command.withDescription(
    "Invalidate every entry of a cache, in constant time and in every process. The source gets all of its reads: expect load."
  )
)
