/**
 * One server under examination.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RedisArgument, RedisReply } from "../../redis/RedisConnection.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { RedisNode } from "../../redis/RedisExecutor.js"
import type { RedisServerInfo } from "../../redis/RedisStatus.js"
import * as ServerInfo from "../frame/ServerInfo.js"

export interface Server {
  /** where it is, without user and password */
  readonly address: string
  readonly name: Option.Option<RedisServerInfo>
  readonly send: (command: string, ...args: ReadonlyArray<RedisArgument>) => Effect.Effect<RedisReply, RedisError>
  /** the fields of INFO; empty where the user may not run it */
  readonly info: ReadonlyMap<string, string>
}

/** The number of a field; undefined where the server does not report it. */
export const numberOf = ({ info }: Pick<Server, "info">, field: string): number | undefined =>
  ServerInfo.numberOf(info, field)

export const make = (node: RedisNode): Effect.Effect<Server> =>
  Effect.gen(function* () {
    const status = yield* node.getStatus
    const send: Server["send"] = (command, ...args) =>
      Effect.map(node.command(command, args, { idempotent: false }), ({ value }) => value)
    const info = yield* Effect.orElseSucceed(send("INFO"), () => "")
    return {
      address: Option.getOrElse(status.address, () => "the server"),
      name: status.server,
      send,
      info: ServerInfo.fieldsOf(String(info))
    }
  })
