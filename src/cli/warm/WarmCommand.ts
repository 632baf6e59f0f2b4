/**
 * `effect-cache warm`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as SecretConfig from "../../internal/input/SecretConfig.js"
import { CommandFailed, failed, found, ofConfig, usage } from "../frame/CommandFailed.js"
import * as Screen from "../frame/Screen.js"
import * as KeyList from "./KeyList.js"
import * as ProgressBar from "./ProgressBar.js"
import * as UrlWarming from "./UrlWarming.js"
import { nothingDone, type WarmProgress } from "./WarmProgress.js"

const options = {
  keys: Args.text({ name: "key" }).pipe(
    Args.withDescription("Keys; without any they are read from --file or the standard input, one a line."),
    Args.repeated
  ),
  url: Options.text("url").pipe(
    Options.optional,
    Options.withDescription("Get this URL of the application for each key, such as http://localhost:3000/users/{key}.")
  ),
  module: Options.text("module").pipe(
    Options.optional,
    Options.withDescription(
      "Warm the cache that this module of the application exports, as TypedCache.make returns it."
    )
  ),
  exportName: Options.text("export").pipe(
    Options.withDefault("default"),
    Options.withDescription("The name of that export.")
  ),
  jsonKeys: Options.boolean("json-keys").pipe(
    Options.withDescription("Each key is JSON: for caches of the module whose keys are numbers or objects.")
  ),
  file: Options.text("file").pipe(
    Options.optional,
    Options.withDescription("Read the keys from this file, one a line; - is the standard input.")
  ),
  concurrency: Options.integer("concurrency").pipe(
    Options.withDefault(16),
    Options.withDescription("Look up at most so many keys at once.")
  ),
  from: Options.integer("from").pipe(
    Options.withDefault(0),
    Options.withDescription("Skip so many keys: the cursor at which an earlier run has stopped.")
  ),
  json: Screen.json
}

interface Given {
  readonly url: Option.Option<string>
  readonly module: Option.Option<string>
  readonly exportName: string
  readonly jsonKeys: boolean
  readonly concurrency: number
  readonly from: number
}

const ofCause = (cause: unknown): CommandFailed =>
  Predicate.hasProperty(cause, "exitCode") &&
  typeof cause.exitCode === "number" &&
  Predicate.hasProperty(cause, "message")
    ? new CommandFailed({ exitCode: cause.exitCode, message: String(cause.message) })
    : failed(cause instanceof Error ? cause.message : String(cause))

const byModule = (keys: KeyList.KeyList["keys"], path: string, given: Given) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { resolve } = yield* Path.Path
      // outside of the bundle: see there
      const { warm } = yield* Effect.promise(() => import("./ModuleWarming.js"))
      const { concurrency, exportName, from, jsonKeys } = given
      return Stream.fromAsyncIterable(
        warm({
          path: resolve(path),
          exportName,
          isJson: jsonKeys,
          concurrency,
          from,
          keys: Stream.toAsyncIterable(keys)
        }),
        ofCause
      )
    })
  )

const byUrl = (keys: KeyList.KeyList["keys"], template: string, { concurrency, from }: Given) =>
  Stream.unwrap(
    Effect.gen(function* () {
      if (!template.includes("{key}")) return yield* usage(`--url ${template} has no {key}, where each key stands`)
      if (!URL.canParse(template)) return yield* usage(`--url ${template} is no URL`)
      const token = yield* Effect.mapError(SecretConfig.optional("EFFECT_CACHE_TOKEN"), ofConfig)
      return UrlWarming.warm(keys, { template, token, concurrency, from })
    })
  )

const progressOf = (
  { keys }: KeyList.KeyList,
  given: Given
): Stream.Stream<WarmProgress, CommandFailed, HttpClient.HttpClient | Path.Path> => {
  if (given.concurrency < 1 || given.from < 0) {
    return Stream.fail(usage("--concurrency is at least 1, and --from at least 0"))
  }
  const { module, url } = given
  if (Option.isSome(url) && Option.isNone(module)) return byUrl(keys, url.value, given)
  if (Option.isSome(module) && Option.isNone(url)) return byModule(keys, module.value, given)
  return Stream.fail(
    usage(
      "the command does not know the application's lookup: name its API by --url, or a module that exports the cache by --module"
    )
  )
}

/** Failures that are shown one by one. A broken source fails for every key. */
const mostShown = 10

const continuation = (cursor: number): string => `stopped at the cursor ${cursor}: continue with --from ${cursor}`

export const command = Command.make("warm", options, ({ file, json, keys, ...given }) =>
  Effect.gen(function* () {
    const list = yield* KeyList.make(keys, file)
    let last = nothingDone(given.from)
    const failures: Array<WarmProgress["failures"][number]> = []
    const onProgress = (progress: WarmProgress) => {
      last = progress
      failures.push(...progress.failures.slice(0, mostShown - failures.length))
      return json ? Effect.void : ProgressBar.draw(progress, list.total)
    }
    yield* Stream.runForEach(progressOf(list, given), onProgress).pipe(
      Effect.ensuring(json ? Effect.void : ProgressBar.erase),
      Effect.mapError((error) =>
        error.exitCode === found.exitCode ? failed(`${error.message}; ${continuation(last.cursor)}`) : error
      ),
      Effect.onInterrupt(() => Console.error(`effect-cache: ${continuation(last.cursor)}`))
    )
    const { failures: _, ...counts } = last
    yield* Screen.print(json, {
      lines: [
        `warmed ${counts.done} keys: ${counts.loaded} loaded, ${counts.alreadyThere} already there, ${counts.failed} failed`,
        ...failures.map(({ key, reason }) => `  ${Screen.plain(key)}: ${Screen.plain(reason)}`),
        ...(counts.failed > failures.length ? [`  and ${counts.failed - failures.length} more`] : [])
      ],
      data: { ...counts, failures }
    })
    if (counts.failed > 0) return yield* found
  }).pipe(Effect.provide(FetchHttpClient.layer))
).pipe(
  Command.withDescription(
    "Load keys before they are read: from arguments, a file or the standard input, with a progress bar, through the application's " +
      "API or a module of it. Prints a cursor when it stops, from which --from continues."
  )
)
