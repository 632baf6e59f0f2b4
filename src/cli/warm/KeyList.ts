/**
 * The keys to warm: of the command line, of a file, or of the standard input, one a line.
 *
 * @internal
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type CommandFailed, usage } from "../frame/CommandFailed.js"

export interface KeyList {
  readonly keys: Stream.Stream<string, CommandFailed>
  /** undefined where the keys are still to come */
  readonly total: number | undefined
}

const isKey = (line: string): boolean => line.trim() !== ""

/** The lines of a text, without the line breaks of either system. */
const linesOf = (text: string): ReadonlyArray<string> => text.split(/\r?\n/).filter(isKey)

const ofArray = (keys: ReadonlyArray<string>): KeyList => ({ keys: Stream.fromIterable(keys), total: keys.length })

const standardInput: Stream.Stream<string, CommandFailed> = Stream.suspend(() =>
  Stream.fromAsyncIterable<Uint8Array, CommandFailed>(process.stdin, (cause) =>
    usage(`the standard input cannot be read: ${String(cause)}`)
  )
).pipe(Stream.decodeText(), Stream.splitLines, Stream.filter(isKey))

export const make = (
  given: ReadonlyArray<string>,
  file: Option.Option<string>
): Effect.Effect<KeyList, CommandFailed, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    if (given.length > 0) {
      return Option.isSome(file) ? yield* usage("keys are named here and in --file: choose one") : ofArray(given)
    }
    if (Option.isNone(file) || file.value === "-") return { keys: standardInput, total: undefined }
    const { readFileString } = yield* FileSystem.FileSystem
    return ofArray(
      linesOf(
        yield* Effect.mapError(readFileString(file.value), ({ message }) =>
          usage(`the file of keys cannot be read: ${message}`)
        )
      )
    )
  })
