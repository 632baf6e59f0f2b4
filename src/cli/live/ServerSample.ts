/**
 * What the servers report of themselves now.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as ServerInfo from "../frame/ServerInfo.js"

export interface ServerRow {
  readonly address: string
  /** whether commands reach it */
  readonly state: string
  readonly circuit: string
  /** round trip of INFO, in milliseconds; undefined where it was not answered */
  readonly latencyMillis?: number | undefined
  readonly commandsPerSecond?: number | undefined
  readonly clients?: number | undefined
  readonly usedBytes?: number | undefined
  readonly maxBytes?: number | undefined
  readonly evicted?: number | undefined
}

const sample = (node: RedisExecutor.RedisNode): Effect.Effect<ServerRow> =>
  Effect.gen(function* () {
    const status = yield* node.getStatus
    const start = yield* MonotonicClock.millis
    const info = yield* Effect.option(node.command("INFO", [], { idempotent: true }))
    const latencyMillis = (yield* MonotonicClock.millis) - start
    const row = {
      address: Option.getOrElse(status.address, () => "no server"),
      state: status.state._tag,
      circuit: status.circuit
    }
    if (Option.isNone(info)) return row
    const fields = ServerInfo.fieldsOf(String(info.value.value))
    const number = (field: string) => ServerInfo.numberOf(fields, field)
    return {
      ...row,
      latencyMillis,
      commandsPerSecond: number("instantaneous_ops_per_sec"),
      clients: number("connected_clients"),
      usedBytes: number("used_memory"),
      maxBytes: number("maxmemory"),
      evicted: number("evicted_keys")
    }
  })

/** One row for each primary. A server that is away has a row too. */
export const servers = (client: RedisClient.Service): Effect.Effect<ReadonlyArray<ServerRow>> =>
  Effect.suspend(() =>
    Effect.forEach(RedisExecutor.nodesOf(RedisExecutor.of(client)).current(), sample, { concurrency: "unbounded" })
  )
