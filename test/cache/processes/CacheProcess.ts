/** A process of `main.ts`, as a test uses it: requests on its input, answers on its output. */
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ChildProgram from "../../support/ChildProgram.js"
import {
  type Answer,
  type AnswerOf,
  type CacheName,
  type Operation,
  Reply,
  Request,
  readyId,
  Settings
} from "./messages.js"

/** The process has ended, and answers nothing. */
export class ProcessEnded extends Data.TaggedError("ProcessEnded")<{ readonly process: string }> {}

export interface CacheProcess {
  readonly name: string
  readonly get: (cache: CacheName, key: string) => Effect.Effect<AnswerOf<"Read">, ProcessEnded>
  /** Commits and informs the cache. Dies when either fails. */
  readonly write: (
    cache: CacheName,
    key: string,
    write: Extract<Operation, { readonly _tag: "Write" }>["write"]
  ) => Effect.Effect<AnswerOf<"Written">, ProcessEnded>
  readonly status: Effect.Effect<AnswerOf<"Status">, ProcessEnded>
  /** Ends it with SIGKILL. */
  readonly kill: Effect.Effect<void>
}

const program = fileURLToPath(new URL("./main.ts", import.meta.url))

const decodeReply = Schema.decodeSync(Reply)
const encodeRequest = Schema.encodeSync(Request)
const encodeSettings = Schema.encodeSync(Settings)

/** Returns when the process has built its caches. The process ends with the scope. */
export const start = (settings: Settings): Effect.Effect<CacheProcess, ProcessEnded, Scope.Scope> =>
  Effect.gen(function* () {
    const { name } = settings
    const waiting = new Map<number, Deferred.Deferred<Answer, ProcessEnded>>()
    let lastId = readyId
    let isRunning = true

    const awaiting = (id: number) => {
      const answer = Deferred.unsafeMake<Answer, ProcessEnded>(FiberId.none)
      waiting.set(id, answer)
      return answer
    }
    const ready = awaiting(readyId)

    const hear = (line: string) => {
      const { answer, id } = decodeReply(line)
      const waits = waiting.get(id)
      waiting.delete(id)
      if (waits !== undefined) Deferred.unsafeDone(waits, Exit.succeed(answer))
    }

    const child = yield* ChildProgram.start({
      program,
      argument: encodeSettings(settings),
      hear,
      ended: () => {
        isRunning = false
        for (const waits of waiting.values()) Deferred.unsafeDone(waits, Exit.fail(new ProcessEnded({ process: name })))
        waiting.clear()
      }
    })

    const ask = <Tag extends Answer["_tag"]>(
      operation: Operation,
      tag: Tag
    ): Effect.Effect<AnswerOf<Tag>, ProcessEnded> =>
      Effect.suspend(() => {
        if (!isRunning) return Effect.fail(new ProcessEnded({ process: name }))
        const id = ++lastId
        const answer = awaiting(id)
        child.send(encodeRequest({ id, operation }))
        return Deferred.await(answer)
      }).pipe(
        Effect.filterOrDie(
          (answer): answer is AnswerOf<Tag> => answer._tag === tag,
          (answer) => new Error(`${name} answered ${JSON.stringify(answer)} to ${JSON.stringify(operation)}`)
        )
      )

    yield* Deferred.await(ready)
    return {
      name,
      get: (cache, key) => ask({ _tag: "Read", cache, key }, "Read"),
      write: (cache, key, write) => ask({ _tag: "Write", cache, key, write }, "Written"),
      status: ask({ _tag: "Status" }, "Status"),
      kill: child.kill
    }
  })
