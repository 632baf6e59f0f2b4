/**
 * A real server for a test: started on a free port, stopped with the scope. `redis-server`, `valkey-server` or
 * `dragonfly` from PATH.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const binaries = ["redis-server", "valkey-server", "dragonfly"] as const

/** The server's program, or why there is none. */
export const binary: string | undefined = binaries.find((name) => Bun.which(name) !== null)

/**
 * Why tests against a server cannot run here: undefined when they can. With `CI=true` a missing server is a failure.
 */
export const skipReason: string | undefined =
  binary === undefined && process.env.TEST_REDIS_URL === undefined && process.env.CI !== "true"
    ? `no server on PATH (${binaries.join(", ")}): install redis-server`
    : undefined

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: () => number
  /** sends a signal: SIGKILL, SIGSTOP, SIGCONT, … */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** kills it with SIGKILL and waits for its end */
  readonly kill: Effect.Effect<void>
  /** starts it again on the same port, with the same or other arguments */
  readonly start: (extra?: ReadonlyArray<string>) => Effect.Effect<void>
  /** one command on a connection of its own, outside of the code under test */
  readonly send: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown>
}

export const freePort: Effect.Effect<number> = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const accepts = (port: number): Effect.Effect<void, string> =>
  Effect.async<void, string>((resume) => {
    const socket = new Socket()
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", () => resume(Effect.fail("refused")))
    socket.connect(port, "127.0.0.1")
  })

/** Waits until something accepts connections on a port. */
export const awaitPort = (port: number): Effect.Effect<void> =>
  accepts(port).pipe(Effect.retry(Schedule.spaced("10 millis")), Effect.timeout("20 seconds"), Effect.orDie)

const argumentsFor = (program: string, port: number, directory: string): ReadonlyArray<string> =>
  program === "dragonfly"
    ? ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--version_check=false", "--dbfilename="]
    : ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "no"]

export const make = (
  options: {
    readonly args?: ReadonlyArray<string>
    /** do not start it yet */
    readonly stopped?: boolean
    /** what `send` logs in with */
    readonly password?: string
  } = {}
) =>
  Effect.gen(function* () {
    const program = yield* Effect.fromNullable(binary).pipe(
      Effect.orDieWith(() => new Error(`no server on PATH: ${binaries.join(", ")}`))
    )
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "redis-server-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const port = yield* freePort
    let child: ReturnType<typeof spawn> | undefined
    let ended: Promise<void> = Promise.resolve()

    const start = (extra: ReadonlyArray<string> = options.args ?? []) =>
      Effect.sync(() => {
        const started = spawn(program, [...argumentsFor(program, port, directory), ...extra], { stdio: "ignore" })
        ended = new Promise((resolve) => started.once("exit", () => resolve()))
        child = started
      }).pipe(Effect.zipRight(awaitPort(port)))

    const kill = Effect.suspend(() => {
      child?.kill("SIGKILL")
      return Effect.promise(() => ended)
    })
    yield* Effect.addFinalizer(() => kill)
    if (options.stopped !== true) yield* start()

    const auth = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
    const server: RedisServer = {
      port,
      url: `redis://${auth}127.0.0.1:${port}`,
      pid: () => child?.pid ?? 0,
      signal: (signal) => Effect.sync(() => child?.kill(signal)),
      kill,
      start,
      send: (command, ...args) =>
        Effect.acquireUseRelease(
          Effect.sync(() => new Bun.RedisClient(server.url, { autoReconnect: false })),
          (client) => Effect.promise(() => client.send(command, [...args])),
          (client) => Effect.sync(() => client.close())
        )
    }
    return server
  })

/**
 * For suites that need a server and do nothing to it: `TEST_REDIS_URL` where it is set (its database is emptied), so that
 * they can be pointed at Dragonfly or Valkey; otherwise a server of their own.
 */
export const givenOrStarted = Effect.suspend(() => {
  const given = process.env.TEST_REDIS_URL
  return given === undefined ? Effect.map(make(), (server) => server.url) : Effect.succeed(given)
})
