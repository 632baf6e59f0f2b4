/**
 * Connects to the servers that the variables name, by the driver that needs neither Bun nor another package.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ClientOptions } from "../../redis/connection/ClientOptions.js"
import * as SocketRedis from "../../redis/driver/SocketRedis.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisStatus } from "../../redis/RedisStatus.js"
import { type CommandFailed, ofConfig, unreachable, usage } from "./CommandFailed.js"

/** Provides a client, whether a server answers or not. */
const layerAny = (options: ClientOptions): Layer.Layer<RedisClient, CommandFailed> =>
  Layer.mapError(SocketRedis.layerConfig({ clientName: "effect-cache", ...options }), ofConfig)

/** The reason why no server is reached; undefined where one is. */
export const problemOf = ({ connected, lastFailure, state }: RedisStatus): string | undefined => {
  if (connected) return undefined
  if (state._tag === "Disabled") return "Redis is switched off by REDIS_ENABLED=false: unset it to run this command"
  if ("cause" in state) return state.cause.message
  return Option.match(lastFailure, {
    onNone: () => "the server has not answered yet",
    onSome: ({ message }) => message
  })
}

/** Fails with the reason where the client is not connected. */
const checked = ({ getStatus }: RedisClient.Service): Effect.Effect<void, CommandFailed> =>
  Effect.flatMap(getStatus, (status) => {
    const problem = problemOf(status)
    if (problem === undefined) return Effect.void
    return Effect.fail(status.state._tag === "Disabled" ? usage(problem) : unreachable(problem))
  })

/** Provides a client that is connected. Fails with the reason where it is not. */
export const layer = (options: ClientOptions = {}): Layer.Layer<RedisClient, CommandFailed> =>
  Layer.tap(layerAny(options), (context) => checked(Context.get(context, RedisClient)))

/** Runs a program on a client, whether a server answers or not. */
export const provideAny =
  (options: ClientOptions) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | CommandFailed, Exclude<R, RedisClient>> =>
    Effect.provide(program, layerAny(options))

/** Runs a program on a client that is connected. */
export const provide =
  (options: ClientOptions = {}) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | CommandFailed, Exclude<R, RedisClient>> =>
    Effect.provide(program, layer(options))
