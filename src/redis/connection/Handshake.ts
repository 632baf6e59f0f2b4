/**
 * The commands of a new connection before any caller may use it. They ask for the server's name, its role and its time, and
 * end the connection before this one.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisArgument, RedisConnection, RedisDriver, RedisReply } from "../RedisConnection.js"
import { RedisConnectError } from "../RedisError.js"
import type { RedisServerInfo } from "../RedisStatus.js"
import * as ServerTime from "../ServerTime.js"
import * as ServerRole from "./ServerRole.js"

/** Which connection this is to the server, and which run of which server. */
export interface ServerIdentity {
  readonly clientId: number | undefined
  /** the server's name for its present run; Dragonfly has none */
  readonly runId: string | undefined
  /** when the server started, by its own clock, to about a second */
  readonly startedAtMillis: number
  readonly server: RedisServerInfo
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

/**
 * Fails only when the connection ends meanwhile: what the user may not ask is left unknown. Without a time from the server
 * its clock keeps the offset that the previous connection knew.
 */
export const run = (
  connection: RedisConnection,
  { address, toError }: Pick<RedisDriver, "address" | "toError">,
  knownOffsetMillis: number
): Effect.Effect<ServerIdentity, RedisConnectError> =>
  Effect.gen(function* () {
    const before = yield* MonotonicClock.millis
    const role = ServerRole.make((command, args) =>
      Effect.tryPromise({ try: () => connection.send(command, args), catch: (cause) => toError(command, cause) })
    )
    const [id, info, time, isReplica] = yield* Effect.all(
      [ask(connection, "CLIENT", ["ID"]), ask(connection, "INFO", ["server"]), ask(connection, "TIME", []), role],
      { concurrency: "unbounded" }
    )
    const after = yield* MonotonicClock.millis
    if (yield* Deferred.isDone(connection.closed)) {
      return yield* Effect.fail(new RedisConnectError({ reason: "Closed", address, detail: "during the handshake" }))
    }
    const middle = (before + after) / 2
    const serverTime = ServerTime.millisOf(Option.getOrNull(time)) ?? middle + knownOffsetMillis
    const text = String(Option.getOrElse(info, (): RedisReply => ""))
    return {
      clientId: Option.getOrUndefined(Option.filter(id, (reply) => typeof reply === "number")),
      runId: field(text, "run_id"),
      startedAtMillis: serverTime - Number(field(text, "uptime_in_seconds") ?? 0) * 1000,
      server: serverInfo(text),
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
