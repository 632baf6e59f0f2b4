/**
 * The commands of a new connection before any caller may use it. They ask for the server's name, its role and its time, and
 * end the connection before this one.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { version } from "../../internal/Version.js"
import type { RedisArgument, RedisConnection, RedisDriver, RedisReply } from "../RedisConnection.js"
import { RedisConnectError } from "../RedisError.js"
import type { RedisServerInfo, ServerLimitation } from "../RedisStatus.js"
import * as ServerTime from "../ServerTime.js"
import * as Limitations from "./Limitations.js"
import * as ServerRole from "./ServerRole.js"

/** Which connection this is to the server, and which run of which server. */
export interface ServerIdentity {
  readonly clientId: number | undefined
  /** the server's name for its present run; Dragonfly has none */
  readonly runId: string | undefined
  /** when the server started, by its own clock, to about a second */
  readonly startedAtMillis: number
  readonly server: RedisServerInfo
  readonly limitations: ReadonlyArray<ServerLimitation>
  readonly clockOffsetMillis: number
  readonly isReplica: boolean
}

/** A reply that the connection can do without: none when the user may not ask, or the server does not know. */
const ask = (connection: RedisConnection, command: string, args: ReadonlyArray<RedisArgument>) =>
  Effect.option(Effect.tryPromise(() => connection.send(command, args)))

const field = (info: string, name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1]

const serverInfo = (info: string): RedisServerInfo => {
  const dragonfly = field(info, "dragonfly_version")
  if (dragonfly !== undefined) return { name: "Dragonfly", version: dragonfly.replace(/^df-v/, "") }
  const valkey = field(info, "valkey_version")
  if (valkey !== undefined) return { name: "Valkey", version: valkey }
  return { name: "Redis", version: field(info, "redis_version") ?? "unknown" }
}

/** What the server shows beside the connection. */
const library = { "LIB-NAME": "effect-cache-toolkit", "LIB-VER": version }

/** Whether the server has CLIENT SETINFO. One without it would count each as an error. */
const hasLibraryInfo = ({ name, version }: RedisServerInfo): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return name === "Valkey" || (name === "Redis" && (major > 7 || (major === 7 && minor >= 2)))
}

/**
 * Fails only when the connection ends meanwhile: what the user may not ask is left unknown. Without a time from the server
 * its clock keeps the offset that the previous connection knew.
 */
export const run = (
  connection: RedisConnection,
  { address, toError }: Pick<RedisDriver, "address" | "toError">,
  options: { readonly clientName: string; readonly knownOffsetMillis: number }
): Effect.Effect<ServerIdentity, RedisConnectError> =>
  Effect.gen(function* () {
    const before = yield* MonotonicClock.millis
    const send = (command: string, args: ReadonlyArray<RedisArgument>) =>
      Effect.tryPromise({ try: () => connection.send(command, args), catch: (cause) => toError(command, cause) })
    const [id, info, time, evaluation, isReplica] = yield* Effect.all(
      [
        ask(connection, "CLIENT", ["ID"]),
        ask(connection, "INFO", ["server"]),
        Effect.either(send("TIME", [])),
        Effect.either(send("EVAL", ["return 1", 0])),
        ServerRole.make(send),
        ask(connection, "CLIENT", ["SETNAME", options.clientName])
      ],
      { concurrency: "unbounded" }
    )
    const after = yield* MonotonicClock.millis
    if (yield* Deferred.isDone(connection.closed)) {
      return yield* Effect.fail(new RedisConnectError({ reason: "Closed", address, detail: "during the handshake" }))
    }
    const middle = (before + after) / 2
    const serverTime = ServerTime.millisOf(Either.getOrNull(time)) ?? middle + options.knownOffsetMillis
    const text = String(Option.getOrElse(info, (): RedisReply => ""))
    const server = serverInfo(text)
    if (hasLibraryInfo(server)) {
      yield* Effect.forEach(Object.entries(library), (field) => ask(connection, "CLIENT", ["SETINFO", ...field]), {
        concurrency: "unbounded",
        discard: true
      })
    }
    return {
      clientId: Option.getOrUndefined(Option.filter(id, (reply) => typeof reply === "number")),
      runId: field(text, "run_id"),
      startedAtMillis: serverTime - Number(field(text, "uptime_in_seconds") ?? 0) * 1000,
      server,
      limitations: [...Limitations.of("EVAL", evaluation), ...Limitations.of("TIME", time)],
      clockOffsetMillis: serverTime - middle,
      isReplica
    }
  })

const isSameRun = (left: ServerIdentity, right: ServerIdentity): boolean =>
  left.runId === undefined
    ? right.runId === undefined && Math.abs(left.startedAtMillis - right.startedAtMillis) < 2000
    : left.runId === right.runId

/**
 * Asks the server to drop the previous connection, so that nothing it still carries is applied after this. Only within
 * one run of the server: a restarted one counts its clients anew, and the number may belong to somebody else.
 */
export const dropPrevious = (
  connection: RedisConnection,
  previous: ServerIdentity | undefined,
  current: ServerIdentity
): Effect.Effect<void> =>
  previous?.clientId === undefined || !isSameRun(previous, current)
    ? Effect.void
    : Effect.asVoid(ask(connection, "CLIENT", ["KILL", "ID", previous.clientId]))
