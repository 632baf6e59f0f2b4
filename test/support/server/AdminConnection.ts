/** Commands to a server outside of the code under test, on Bun and on Node. Replies are RESP3's where the server has it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"

export type Send = (command: string, ...args: ReadonlyArray<string>) => Promise<unknown>

/** A connection that lives as long as the scope. */
export const open = (url: string): Effect.Effect<Send, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const redis = new Redis(url, { replyMapping: "resp3", retryStrategy: () => null, enableReadyCheck: false })
        // each command that fails says so itself
        return redis.on("error", () => {})
      }),
      (redis) => Effect.sync(() => redis.disconnect())
    ),
    (redis): Send =>
      (command, ...args) =>
        redis.call(command, ...args)
  )

/** A command failed, or its server was silent. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** Uses a connection of its own. Fails when a command does. A server that is silent for long counts as failed. */
export const attempt = <A>(url: string, use: (send: Send) => Promise<A>): Effect.Effect<A, CommandFailed> =>
  open(url).pipe(
    Effect.flatMap((send) =>
      Effect.tryPromise({
        try: () => use(send),
        catch: (cause) => new CommandFailed({ message: `${new URL(url).host}: ${String(cause)}`, cause })
      }).pipe(Effect.interruptible)
    ),
    Effect.scoped,
    Effect.timeoutFail({
      duration: "20 seconds",
      onTimeout: () => new CommandFailed({ message: `${new URL(url).host} is silent` })
    })
  )

/** Like `attempt`, but dies where a command fails. */
export const use = <A>(url: string, body: (send: Send) => Promise<A>): Effect.Effect<A> =>
  Effect.orDie(attempt(url, body))
