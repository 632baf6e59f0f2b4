/** The process of a server that a test starts, kills and stops. It ends with the scope. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

export interface ServerProcess {
  readonly port: number
  readonly pid: () => number
  /** whether it can answer: it was started, and is neither killed nor stopped */
  readonly isRunning: () => boolean
  /** sends a signal: SIGKILL, SIGSTOP, SIGCONT, … */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** kills it with SIGKILL and waits for its end */
  readonly kill: Effect.Effect<void>
  /** starts it, and returns when it accepts connections; dies with its last words when it ends instead */
  readonly start: (args: ReadonlyArray<string>) => Effect.Effect<void>
}

/** A directory that is removed with the scope. */
export const temporaryDirectory = (prefix: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), prefix))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )

const listening = (port: number): Effect.Effect<void, "taken"> =>
  Effect.async<void, "taken">((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.fail("taken")))
    server.listen(port, "127.0.0.1", () => void server.close(() => resume(Effect.void)))
  })

const handedOut = new Set<number>()

/**
 * A port that nothing listens on, below the range of outgoing connections. A server that was killed can start on it again,
 * however many connections a test opens meanwhile. This process gets none twice.
 */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const candidate = 12_000 + Math.floor(Math.random() * 20_000)
  if (handedOut.has(candidate)) return freePort
  handedOut.add(candidate)
  return Effect.catchAll(Effect.as(listening(candidate), candidate), () => freePort)
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
const awaitPort = (port: number): Effect.Effect<void> =>
  accepts(port).pipe(Effect.retry(Schedule.spaced("10 millis")), Effect.timeout("20 seconds"), Effect.orDie)

/** what is kept of the words of a server, for the case that it ends at its start */
const lastWordsLength = 2000

/** A process that is not started yet. */
export const make = (
  program: string,
  port: number,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<ServerProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    let child: ReturnType<typeof spawn> | undefined
    let ended: Promise<void> = Promise.resolve()
    let isRunning = false

    const kill = Effect.suspend(() => {
      isRunning = false
      child?.kill("SIGKILL")
      return Effect.promise(() => ended)
    })
    yield* Effect.addFinalizer(() => kill)

    return {
      port,
      pid: () => child?.pid ?? 0,
      isRunning: () => isRunning,
      signal: (name) =>
        Effect.sync(() => {
          child?.kill(name)
          isRunning = name === "SIGCONT" || (isRunning && name !== "SIGSTOP")
        }),
      kill,
      start: (args) =>
        Effect.suspend(() => {
          const started = spawn(program, args, {
            stdio: ["ignore", "pipe", "pipe"],
            env: { ...process.env, ...environment }
          })
          let words = ""
          const listen = (chunk: Buffer) => {
            words = (words + chunk.toString()).slice(-lastWordsLength)
          }
          started.stdout.on("data", listen)
          started.stderr.on("data", listen)
          child = started
          isRunning = true
          ended = new Promise((resolve) =>
            started.once("exit", () => {
              if (child === started) isRunning = false
              resolve()
            })
          )
          const failed = Effect.async<never>((resume) => {
            // after the exit, when all words are read
            started.once("close", () => resume(Effect.dieMessage(`${program} on port ${port} has ended:\n${words}`)))
          })
          // also in a caller that cannot be interrupted: the loser of a race is waited for
          return Effect.raceFirst(Effect.interruptible(awaitPort(port)), Effect.interruptible(failed))
        })
    }
  })
