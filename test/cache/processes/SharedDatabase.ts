/**
 * The database of several processes. It lives in the test, answers over HTTP, numbers its commits, and counts the concurrent
 * lookups.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

export interface SharedDatabase {
  readonly url: string
  /** the number of a key's last commit; 1 without one */
  readonly version: (key: string) => number
  /** the processes that have looked a key up, in order */
  readonly lookupsOf: (key: string) => ReadonlyArray<string>
  /** lookups that have not been answered, and whose process lives */
  readonly running: () => number
  /** the most lookups of one process at one time since the last `forget` */
  readonly mostAtOnce: () => number
  readonly forget: () => void
}

/**
 * Every request runs `pause` twice: before it reads or commits, and before it answers. So a value may be old when it
 * arrives.
 */
export const make = (
  pause: (request: "lookup" | "commit", moment: "before" | "after") => Effect.Effect<void>
): Effect.Effect<SharedDatabase, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<never>()
    const versions = new Map<string, number>()
    const lookups = new Map<string, Array<string>>()
    const running = new Map<string, number>()
    let mostAtOnce = 0

    const version = (key: string) => versions.get(key) ?? 1

    const counted = (process: string, key: string) =>
      Effect.sync(() => {
        const lookupsOfKey = lookups.get(key)
        if (lookupsOfKey === undefined) lookups.set(key, [process])
        else lookupsOfKey.push(process)
        const atOnce = (running.get(process) ?? 0) + 1
        running.set(process, atOnce)
        mostAtOnce = Math.max(mostAtOnce, atOnce)
      })

    const ended = (process: string) => Effect.sync(() => running.set(process, (running.get(process) ?? 0) - 1))

    const read = (process: string, key: string) =>
      Effect.acquireUseRelease(
        counted(process, key),
        () =>
          pause("lookup", "before").pipe(
            Effect.zipRight(Effect.sync(() => version(key))),
            Effect.zipLeft(pause("lookup", "after"))
          ),
        () => ended(process)
      )

    const commit = (key: string) =>
      pause("commit", "before").pipe(
        Effect.zipRight(
          Effect.sync(() => {
            const next = version(key) + 1
            versions.set(key, next)
            return next
          })
        ),
        Effect.zipLeft(pause("commit", "after"))
      )

    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.serve({
          hostname: "127.0.0.1",
          port: 0,
          idleTimeout: 120,
          fetch: (request) => {
            const [process = "", key = ""] = new URL(request.url).pathname.slice(1).split("/").map(decodeURIComponent)
            const answer = request.method === "GET" ? read(process, key) : commit(key)
            return Runtime.runPromise(runtime)(
              Effect.map(answer, (version) => Response.json({ version })),
              { signal: request.signal }
            )
          }
        })
      ),
      (server) => Effect.promise(() => server.stop(true))
    )

    return {
      url: `http://127.0.0.1:${server.port}`,
      version,
      lookupsOf: (key) => lookups.get(key) ?? [],
      running: () => Array.from(running.values()).reduce((sum, count) => sum + count, 0),
      mostAtOnce: () => mostAtOnce,
      forget: () => {
        mostAtOnce = Math.max(0, ...running.values())
      }
    }
  })
