/**
 * Connects to the servers that the variables name, by the driver of the runtime: Bun's own client under Bun, and ioredis under
 * Node.
 *
 * @internal
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ClientOptions } from "../../redis/connection/ClientOptions.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisStatus } from "../../redis/RedisStatus.js"
import { type CommandFailed, ofConfig, unreachable, usage } from "./CommandFailed.js"

type LayerConfig = (options: ClientOptions) => Layer.Layer<RedisClient, ConfigError.ConfigError>

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

const withoutIoredis =
  "under Node the command needs ioredis, which is not installed: run `npm install ioredis`, or run the command by Bun: " +
  "`bunx --bun effect-cache`"

/** Each driver is loaded where it is used: the other one's module fails there. */
const layerConfig: Effect.Effect<LayerConfig, CommandFailed> = Effect.suspend(() =>
  "Bun" in globalThis
    ? Effect.promise(() => import("../../redis/driver/BunRedis.js"))
    : Effect.tryPromise({ try: () => import("../../redis/driver/IoRedis.js"), catch: (cause) => cause }).pipe(
        Effect.catchAll((cause) =>
          codeOf(cause) === "ERR_MODULE_NOT_FOUND" ? Effect.fail(usage(withoutIoredis)) : Effect.die(cause)
        )
      )
).pipe(Effect.map(({ layerConfig }): LayerConfig => layerConfig))

/** Provides a client, whether a server answers or not. */
const layerAny = (options: ClientOptions): Layer.Layer<RedisClient, CommandFailed> =>
  Layer.unwrapEffect(
    Effect.map(layerConfig, (layerConfig) =>
      Layer.mapError(layerConfig({ clientName: "effect-cache", ...options }), ofConfig)
    )
  )

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
