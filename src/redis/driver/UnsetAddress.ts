/**
 * What `layerConfig` of every driver provides when no variable names a server.
 *
 * @internal
 */
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { ClientOptions } from "../connection/SupervisedExecutor.js"
import * as MemoryRedis from "../memory/MemoryRedis.js"
import type { RedisClient } from "../RedisClient.js"

/**
 * Options of a client that the environment chooses.
 *
 * @since 0.2.0
 * @category models
 */
export interface LayerConfigOptions extends ClientOptions {
  /**
   * Whether a client in memory takes the server's place when no variable names one. Its locks, limits and invalidations hold
   * in this process alone, and a warning says so. By default the layer fails with a `ConfigError`. Default false
   */
  readonly embeddedWhenUnset?: boolean | undefined
}

/** The embedded client where it was asked for. A misspelt variable must not turn a distributed lock into a local one. */
export const layer = ({
  embeddedWhenUnset = false,
  keyPrefix
}: LayerConfigOptions): Effect.Effect<Layer.Layer<RedisClient>, ConfigError.ConfigError> =>
  embeddedWhenUnset
    ? Effect.as(
        Effect.logWarning(
          "Redis: embedded memory client, since none of REDIS_URL, REDIS_HOST, REDIS_SENTINELS and REDIS_CLUSTER_NODES is set; " +
            "locks, limits and invalidations hold in this process alone"
        ),
        MemoryRedis.layer({ keyPrefix })
      )
    : Effect.fail(
        ConfigError.MissingData(
          ["REDIS_URL"],
          "is not set, and neither are REDIS_HOST, REDIS_SENTINELS and REDIS_CLUSTER_NODES: set one of them, " +
            "or REDIS_ENABLED=false to run without Redis; " +
            "layerConfig({ embeddedWhenUnset: true }) asks for a client in this process"
        )
      )
