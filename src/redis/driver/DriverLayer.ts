/**
 * The layers that every driver of this repository offers, built from the driver.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import { type ClientOptions, make as makeExecutor } from "../connection/SupervisedExecutor.js"
import { layerOff, RedisClient } from "../RedisClient.js"
import * as RedisCommands from "../RedisCommands.js"
import * as RedisConfig from "../RedisConfig.js"
import type { RedisDriver } from "../RedisConnection.js"
import * as ClusterExecutor from "../topology/ClusterExecutor.js"
import * as Sentinel from "../topology/Sentinel.js"
import * as UnsetAddress from "./UnsetAddress.js"

/** Dials an address. `connectTimeout` bounds the dial where no supervisor bounds dial and handshake together. */
export type MakeDriver = (address: RedisConfig.RedisAddress, connectTimeout: Duration.DurationInput) => RedisDriver

/** Checks what an address and a timeout hold in numbers, and throws an `InvalidOption` that names the one that is wrong. */
export const check = (
  owner: string,
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.DurationInput
): void => {
  const check = OptionCheck.make(owner)
  check.wholeNumber("port", address.port, { most: 65_535 })
  check.wholeNumber("database", address.database, { least: 0 })
  check.positiveDuration("connectTimeout", connectTimeout, { infinite: true })
}

/** Provides a client of one server. */
export const layer =
  (driver: MakeDriver) =>
  (address: RedisConfig.RedisAddress, options: ClientOptions = {}): Layer.Layer<RedisClient> =>
    Layer.scoped(
      RedisClient,
      Effect.suspend(() =>
        // the supervisor's deadline is enough, and it waits for what arrived during a stall of the process
        Effect.map(makeExecutor(driver(address, Duration.infinity), options), RedisCommands.fromExecutor)
      )
    )

/** Provides a client of a cluster. */
export const layerCluster =
  (driver: MakeDriver) =>
  ({ nodes, ...cluster }: RedisConfig.ClusterAddress, options: ClientOptions = {}): Layer.Layer<RedisClient> =>
    Layer.scoped(
      RedisClient,
      Effect.suspend(() =>
        Effect.map(
          ClusterExecutor.make(
            {
              ...cluster,
              seeds: Arr.map(nodes, ({ host = RedisConfig.defaultHost, port = RedisConfig.defaultPort }) => ({
                host,
                port
              })),
              driverOf: ({ host, port }) => driver({ ...cluster, host, port }, Duration.infinity)
            },
            options
          ),
          RedisCommands.fromExecutor
        )
      )
    )

/** Provides a client of the primary that sentinels name. */
export const layerSentinel =
  (driver: MakeDriver) =>
  (address: RedisConfig.SentinelAddress, options: ClientOptions = {}): Layer.Layer<RedisClient> =>
    Layer.scoped(
      RedisClient,
      Effect.suspend(() => {
        const topology = Sentinel.driver((server) => driver(server, Duration.infinity), address)
        return Effect.map(makeExecutor(topology, options), RedisCommands.fromExecutor)
      })
    )

/** Provides the client that the environment asks for, and logs which one. */
export const layerConfig =
  (driver: MakeDriver) =>
  (options: UnsetAddress.LayerConfigOptions = {}): Layer.Layer<RedisClient, ConfigError.ConfigError> =>
    Layer.unwrapEffect(
      Effect.gen(function* () {
        const choice = yield* RedisConfig.config
        const prefixed = { ...options, keyPrefix: options.keyPrefix ?? (yield* RedisConfig.keyPrefix) }
        return yield* RedisConfig.RedisChoice.$match(choice, {
          Disabled: () => Effect.as(Effect.logInfo("Redis: disabled by REDIS_ENABLED"), layerOff),
          Unset: () => UnsetAddress.layer(prefixed),
          Server: ({ address }) =>
            Effect.as(Effect.logInfo(`Redis: ${RedisConfig.describe(address)}`), layer(driver)(address, prefixed)),
          Sentinel: ({ address }) =>
            Effect.as(
              Effect.logInfo(`Redis: ${RedisConfig.describeSentinels(address)}`),
              layerSentinel(driver)(address, prefixed)
            ),
          Cluster: ({ address }) =>
            Effect.as(
              Effect.logInfo(`Redis: ${RedisConfig.describeCluster(address)}`),
              layerCluster(driver)(address, prefixed)
            )
        })
      })
    )
