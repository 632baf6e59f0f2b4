/** One of several servers that a test runs together. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as AdminConnection from "./AdminConnection.js"
import * as RedisServer from "./RedisServer.js"
import * as ServerProcess from "./ServerProcess.js"

export interface ServerNode extends Omit<ServerProcess.ServerProcess, "start"> {
  /** the URL of the plain port, with the password of user `default` */
  readonly url: string
  /** starts it, again with what it had stored */
  readonly start: Effect.Effect<void>
  /** one command on a connection of its own, outside of the code under test; dies where it fails */
  readonly send: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown>
  /** like `send`, for a node that may be away */
  readonly attempt: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown, Error>
}

/** A node that is not started yet. */
export const make = (options: {
  readonly args: (port: number) => ReadonlyArray<string>
  readonly password?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
}): Effect.Effect<ServerNode, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { program } = yield* RedisServer.startedKind
    const port = yield* ServerProcess.freePort
    const args = options.args(port)
    const process = yield* ServerProcess.make(program, port, options.environment)
    const auth = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
    const url = `redis://${auth}127.0.0.1:${port}`
    return {
      ...process,
      url,
      start: process.start(args),
      send: (command, ...args) => AdminConnection.use(url, (send) => send(command, ...args)),
      attempt: (command, ...args) => AdminConnection.attempt(url, (send) => send(command, ...args))
    }
  })

/** What a test may set of several servers. */
export interface SharedOptions {
  /** of user `default` on each server, and among the servers */
  readonly password?: string | undefined
  /** users beside `default`, as `ACL SETUSER` takes them: `"app on >secret ~* &* +@all"` */
  readonly users?: ReadonlyArray<string> | undefined
  /** Flags of each server. */
  readonly args?: ReadonlyArray<string> | undefined
  /** variables of a server's process, by its index: for a clock of its own, say */
  readonly environment?: ((index: number) => Readonly<Record<string, string>>) | undefined
}

/** The flags of a server for `SharedOptions`. A write is in a file before it is acknowledged. */
export const sharedArgs = (
  { args = [], password, users = [] }: SharedOptions,
  port: number,
  directory: string
): ReadonlyArray<string> => [
  ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--loglevel", "warning"],
  // the kernel writes the file of a process that was killed: no fsync is needed
  ...["--appendonly", "yes", "--appendfsync", "no", "--repl-diskless-sync-delay", "0"],
  ...(password === undefined ? [] : ["--requirepass", password, "--masterauth", password]),
  ...users.flatMap((user) => ["--user", ...user.split(" ")]),
  ...args
]

/** Waits until nothing is wrong any more. Dies with the last problem where that takes far too long. */
export const awaitAgreement = (problem: Effect.Effect<string | undefined, Error>): Effect.Effect<void> =>
  Effect.gen(function* () {
    let last: string | undefined = "nothing was asked"
    yield* Effect.catchAll(problem, (error) => Effect.succeed(error.message)).pipe(
      Effect.tap((found) =>
        Effect.sync(() => {
          last = found
        })
      ),
      Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (found) => found === undefined }),
      Effect.timeoutFail({ duration: "40 seconds", onTimeout: () => new Error(`the servers do not agree: ${last}`) }),
      Effect.orDie
    )
  })
