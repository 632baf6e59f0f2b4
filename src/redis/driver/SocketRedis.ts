/**
 * `RedisClient` over a socket, on Bun and on Node, with a protocol of its own and no other client library.
 *
 * It is as fast as `BunRedis`: the commands of a turn leave in one write, and a reply calls its caller without a promise.
 * Replies are RESP3 where the server has it. Elsewhere they are RESP2, and get the shapes of RESP3.
 *
 * @since 0.2.0
 */
import "../../internal/EffectVersion.js"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { ClientOptions } from "../connection/SupervisedExecutor.js"
import type { RedisClient } from "../RedisClient.js"
import * as RedisConfig from "../RedisConfig.js"
import type { RedisDriver } from "../RedisConnection.js"
import * as AddressDriver from "./AddressDriver.js"
import * as DriverLayer from "./DriverLayer.js"
import * as Connection from "./socket/Connection.js"
import * as Dial from "./socket/Dial.js"
import * as Failure from "./socket/Failure.js"
import type * as UnsetAddress from "./UnsetAddress.js"

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  LayerConfigOptions
} from "./UnsetAddress.js"

/** With the login of the address, whatever its `credentials` say. */
const fixedDriver = (address: RedisConfig.RedisAddress, timeout: Duration.DurationInput): RedisDriver => {
  const connectTimeout = Duration.decode(timeout)
  return {
    toError: Failure.ofCommand,
    address: RedisConfig.describe(address),
    database: address.database,
    connect: Effect.suspend(() => {
      const pushes = new Connection.Pushes()
      const options = { address, connectTimeout, isResp3Wanted: true, isMessage: () => false, onPush: pushes.hear }
      return Effect.map(Dial.make(options), (dialled) => Connection.commands(dialled, pushes))
    }),
    // messages are the same in RESP2, and no server is too old for them
    connectSubscriber: Effect.suspend(() => {
      const listeners = new Connection.Listeners()
      return Effect.map(
        Dial.make({ address, connectTimeout, isResp3Wanted: false, isMessage: listeners.hear, onPush: listeners.hear }),
        (dialled) => Connection.subscriptions(dialled, listeners)
      )
    })
  }
}

const make: DriverLayer.MakeDriver = (address, connectTimeout) => {
  DriverLayer.check("SocketRedis", address, connectTimeout)
  return AddressDriver.make((address) => fixedDriver(address, connectTimeout), address)
}

/**
 * A socket as a driver. `connectTimeout` bounds the dial where no supervisor bounds dial and handshake together. Throws an
 * `InvalidOption` that names a number or duration that cannot be right.
 *
 * @since 0.2.0
 * @category constructors
 */
export const driver = (
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.DurationInput = "5 seconds"
): RedisDriver => make(address, connectTimeout)

/**
 * Provides a client of one server. The layer is ready when the first dial has ended, and never fails. While there is no
 * connection every command fails with `RedisUnavailable`, and the status says why. A number or duration that cannot be right
 * is a defect that names the option.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { RedisClient } from "effect-cache-toolkit"
 * import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
 *   return yield* redis.get("greeting")
 * })
 *
 * program.pipe(Effect.provide(SocketRedis.layer({ host: "localhost", password: Redacted.make("secret") })))
 */
export const layer: (address: RedisConfig.RedisAddress, options?: ClientOptions) => Layer.Layer<RedisClient> =
  DriverLayer.layer(make)

/**
 * Provides a client of a Redis Cluster or a Valkey Cluster: each command goes to the primary that holds its keys. The layer is
 * ready when the slots were read and the first dial of each primary has ended, and never fails. A command whose primary is out
 * of reach fails with `RedisUnavailable`, and the others do not. Keys of one command or script must lie in one slot, else it
 * fails with `InvalidArgument`; `mget` and `del` take any keys.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { RedisClient } from "effect-cache-toolkit"
 * import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
 *   return yield* redis.get("greeting")
 * })
 *
 * program.pipe(Effect.provide(SocketRedis.layerCluster({ nodes: [{ host: "localhost", port: 7000 }] })))
 */
export const layerCluster: (cluster: RedisConfig.ClusterAddress, options?: ClientOptions) => Layer.Layer<RedisClient> =
  DriverLayer.layerCluster(make)

/**
 * Provides a client of the primary that sentinels name. It follows each failover: the connection ends when a sentinel announces
 * another primary, and the next one leads there. In all else it is a client as `layer` provides it, and the status shows the
 * address of the present primary.
 *
 * While no sentinel answers, the connection that there is stays. While there is none, every command fails with
 * `RedisUnavailable`, and the status says why.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
 * import * as Redacted from "effect/Redacted"
 *
 * const redis = SocketRedis.layerSentinel({
 *   sentinels: [{ host: "sentinel-1" }, { host: "sentinel-2" }, { host: "sentinel-3" }],
 *   master: "mymaster",
 *   password: Redacted.make("secret"),
 *   sentinelPassword: Redacted.make("another secret")
 * })
 */
export const layerSentinel: (
  address: RedisConfig.SentinelAddress,
  options?: ClientOptions
) => Layer.Layer<RedisClient> = DriverLayer.layerSentinel(make)

/**
 * Provides the client that the environment asks for, and logs which one. Fails with a `ConfigError` that names the wrong or
 * missing variable. The variables are those of `BunRedis.layerConfig`; see
 * `RedisConfig.config`.
 *
 * - `REDIS_ENABLED=false`: a client that sends nothing
 * - `REDIS_SENTINELS` with `REDIS_SENTINEL_MASTER`: a client of the primary that these sentinels name
 * - `REDIS_CLUSTER_NODES`: a client of the cluster that these servers belong to
 * - `REDIS_URL` or `REDIS_HOST`: a client of that server
 * - none of them: a `ConfigError`, or the embedded memory client with `embeddedWhenUnset: true`
 *
 * @since 0.2.0
 * @category layers
 */
export const layerConfig: (
  options?: UnsetAddress.LayerConfigOptions
) => Layer.Layer<RedisClient, ConfigError.ConfigError> = DriverLayer.layerConfig(make)
