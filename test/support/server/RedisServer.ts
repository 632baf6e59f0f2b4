/**
 * A real server for a test: started on a free port, stopped with the scope. `TEST_REDIS_SERVER` names the program, else it
 * is the first of `redis-server`, `valkey-server` and `dragonfly` on PATH.
 */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import * as Effect from "effect/Effect"
import * as AdminConnection from "./AdminConnection.js"
import * as ServerKinds from "./ServerKinds.js"
import * as ServerProcess from "./ServerProcess.js"

export { freePort } from "./ServerProcess.js"

const variable = (name: string): string | undefined => process.env[name] || undefined
const chosen = variable("TEST_REDIS_SERVER")
const givenUrl = variable("TEST_REDIS_URL")
const programs = ServerKinds.all.map(({ program }) => program)

const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** The server that tests start, or undefined where there is none. */
const kind: ServerKinds.ServerKind | undefined = ServerKinds.all.find(
  ({ program }) => (chosen === undefined || chosen === program) && isOnPath(program)
)

const noProgram =
  chosen === undefined
    ? `no server on PATH (${programs.join(", ")}): install redis-server`
    : `TEST_REDIS_SERVER=${chosen} is not on PATH, or none of ${programs.join(", ")}`

/** Like `kind`, for what starts it: a missing one is a defect that says what to install. */
export const startedKind: Effect.Effect<ServerKinds.ServerKind> = Effect.suspend(() =>
  kind === undefined ? Effect.dieMessage(noProgram) : Effect.succeed(kind)
)

/** The server of `TEST_REDIS_URL`: asked before any test is defined, because tests are skipped by what it lacks. */
const givenKind =
  givenUrl === undefined
    ? undefined
    : await Effect.runPromise(
        AdminConnection.use(givenUrl, async (send) => ServerKinds.ofInfo(String(await send("INFO", "server"))))
      )

/**
 * Why a test that starts a server and needs these features cannot run here: undefined when it can. A missing server is a
 * failure with `CI=true`, and where `TEST_REDIS_SERVER` asks for it.
 */
export const skipReasonFor = (...needs: ReadonlyArray<ServerKinds.Feature>): string | undefined => {
  if (kind !== undefined) return ServerKinds.lacking(kind, needs)
  if (chosen !== undefined || (process.env.CI === "true" && givenUrl === undefined)) return undefined
  return noProgram
}

/** Like `skipReasonFor`, for a test that uses a server and does nothing to it: that of `TEST_REDIS_URL` will do. */
export const skipReasonOfUse = (...needs: ReadonlyArray<ServerKinds.Feature>): string | undefined =>
  givenKind === undefined ? skipReasonFor(...needs) : ServerKinds.lacking(givenKind, needs)

/** Why a test that starts a server cannot run here: undefined when it can. */
export const skipReason: string | undefined = skipReasonFor()

export interface RedisServer {
  readonly kind: ServerKinds.ServerKind
  readonly port: number
  readonly url: string
  readonly pid: () => number
  /** sends a signal: SIGKILL, SIGSTOP, SIGCONT, … */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** kills it with SIGKILL and waits for its end */
  readonly kill: Effect.Effect<void>
  /** starts it again on the same port, with the same options but for those given */
  readonly start: (changed?: ServerKinds.StartOptions) => Effect.Effect<void>
  /**
   * Kills it, and starts it again after so many milliseconds with all that was acknowledged. It must have been started with
   * `keepsData`. A server that keeps nothing stands still instead, and then ends all connections.
   */
  readonly outage: (millis: number) => Effect.Effect<void>
  /** ends the connections of all clients */
  readonly dropClients: Effect.Effect<void>
  /** how many clients are connected, beside the one that asks */
  readonly clientCount: Effect.Effect<number>
  /** one command on a connection of its own, outside of the code under test */
  readonly send: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown>
}

export const make = (
  options: ServerKinds.StartOptions & {
    /** do not start it yet */
    readonly stopped?: boolean
  } = {}
) =>
  Effect.gen(function* () {
    const server = yield* startedKind
    const directory = yield* ServerProcess.temporaryDirectory("redis-server-")
    const port = yield* ServerProcess.freePort
    const { kill, pid, signal, ...process } = yield* ServerProcess.make(server.program, port)
    const start = (changed: ServerKinds.StartOptions = {}) =>
      process.start(server.args({ ...options, ...changed, port, directory }))
    if (options.stopped !== true) yield* start()

    const auth = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
    const url = `redis://${auth}127.0.0.1:${port}`
    // CLIENT LIST does not say everywhere which command a client runs: this client is recognised by its id
    const otherClients = async (send: AdminConnection.Send) => {
      const own = String(await send("CLIENT", "ID"))
      const list = String(await send("CLIENT", "LIST"))
      return Array.from(list.matchAll(/^id=(\d+)/gm), ([, id = ""]) => id).filter((id) => id !== own)
    }
    const dropClients = AdminConnection.use(url, async (send) => {
      if (server.killsByType) return void (await send("CLIENT", "KILL", "TYPE", "normal"))
      const kills = (await otherClients(send)).map((id) => send("CLIENT", "KILL", "ID", id))
      // one that has ended meanwhile is no failure
      await Promise.allSettled(kills)
    })

    const made: RedisServer = {
      kind: server,
      port,
      url,
      pid,
      signal,
      kill,
      start,
      outage: (millis) =>
        server.keepsData
          ? kill.pipe(Effect.zipRight(Effect.sleep(millis)), Effect.zipRight(start()))
          : signal("SIGSTOP").pipe(
              Effect.zipRight(Effect.sleep(millis)),
              Effect.ensuring(signal("SIGCONT")),
              Effect.zipRight(dropClients)
            ),
      dropClients,
      clientCount: AdminConnection.use(url, async (send) => (await otherClients(send)).length),
      send: (command, ...args) => AdminConnection.use(url, (send) => send(command, ...args))
    }
    return made
  })

/**
 * The URL of a server for suites that do nothing to it but change its data: of `TEST_REDIS_URL` where it is set, so that they
 * can be pointed at any server, otherwise of one of their own.
 *
 * Files run at the same time. On a given server each has the database of the number that Vitest gives to its process, which
 * is emptied here.
 */
export const givenOrStarted = Effect.suspend(() => {
  if (givenUrl === undefined) return Effect.map(make(), (server) => server.url)
  const url = new URL(givenUrl)
  url.pathname = `/${process.env.VITEST_POOL_ID ?? 1}`
  return Effect.as(
    AdminConnection.use(url.href, (send) => send("FLUSHDB")),
    url.href
  )
})
