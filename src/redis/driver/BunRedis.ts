/**
 * `RedisClient` over Bun's own client.
 *
 * Bun's client carries one connection at a time. Reconnection, timeouts and bounds are the supervisor's: Bun's own leave
 * commands pending for ever, and give up for good after a failed handshake.
 *
 * @since 0.1.0
 */
import "../../internal/EffectVersion.js"
import type { RedisClient as Client, RedisOptions } from "bun"
import type * as ConfigError from "effect/ConfigError"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ClientOptions } from "../connection/SupervisedExecutor.js"
import type { RedisClient } from "../RedisClient.js"
import * as RedisConfig from "../RedisConfig.js"
import type { RedisDriver, RedisReply } from "../RedisConnection.js"
import {
  fromServerReply,
  type RedisAuthError,
  RedisConnectError,
  RedisConnectionLost,
  type RedisError,
  RedisProtocolError
} from "../RedisError.js"
import * as AddressDriver from "./AddressDriver.js"
import * as DriverLayer from "./DriverLayer.js"
import * as DialFailure from "./dial/DialFailure.js"
import * as SecondLook from "./dial/SecondLook.js"
import type * as UnsetAddress from "./UnsetAddress.js"

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  LayerConfigOptions
} from "./UnsetAddress.js"

// the global and not the module "bun": its import would fail with the words of the runtime, before these
const BunClient = globalThis.Bun?.RedisClient
if (BunClient === undefined) {
  throw new Error(
    "effect-cache-toolkit/BunRedis needs Bun 1.4 or later, and this program runs without: " +
      "import effect-cache-toolkit/SocketRedis or effect-cache-toolkit/IoRedis, which run on Node and on Bun"
  )
}

const toError = (command: string, cause: unknown): RedisError => {
  const detail = DialFailure.messageOf(cause)
  switch (DialFailure.codeOf(cause)) {
    case "ERR_REDIS_SERVER_ERROR":
    case "ERR_REDIS_INVALID_COMMAND":
      return fromServerReply(command, detail)
    case "ERR_REDIS_AUTHENTICATION_FAILED":
      return fromServerReply(command, DialFailure.withoutLogin(detail))
    case "ERR_REDIS_CONNECTION_CLOSED":
    case "ERR_REDIS_CONNECTION_TIMEOUT":
    case "ERR_REDIS_IDLE_TIMEOUT":
      return new RedisConnectionLost({ command })
    default:
      return new RedisProtocolError({ command, detail })
  }
}

const urlOf = (address: RedisConfig.RedisAddress): string => {
  const username = encodeURIComponent(address.username ?? "")
  const password = address.password === undefined ? "" : encodeURIComponent(Redacted.value(address.password))
  const login = username === "" && password === "" ? "" : `${username}:${password}@`
  // the host is ignored, and Bun reads a login only before one
  if (address.path !== undefined) return `redis+unix://${login}${login === "" ? "" : "localhost"}${address.path}`
  return RedisConfig.describe(address).replace("://", `://${login}`)
}

/** Bun takes the path of a socket from a URL as it stands there, without its escapes. */
const isPathOfUrl = (path: string): boolean => /^\/[\w./+=:,~-]+$/.test(path)

/** The timeout in milliseconds, within the bounds that Bun accepts. */
const connectionTimeout = (millis: number): number => Math.min(Math.max(Math.ceil(millis), 1), 4_294_967_295)

const tlsOptions = (tls: RedisConfig.RedisTls = {}): RedisOptions => {
  const given = Object.entries(tls).filter(([, value]) => value !== undefined)
  return given.length === 0 ? {} : { tls: Object.fromEntries(given) }
}

const clientOptions = (address: RedisConfig.RedisAddress, connectTimeoutMillis: number): RedisOptions => ({
  autoReconnect: false,
  connectionTimeout: connectionTimeout(connectTimeoutMillis),
  // the heartbeat finds a hung server; Bun's own idle timeout would also end a subscriber without messages
  idleTimeout: 0,
  ...tlsOptions(address.tls)
})

/** Why the first PING failed; undefined when its failure shows that the connection stands. */
const ofPing = (address: string, cause: unknown): RedisConnectError | RedisAuthError | undefined => {
  const detail = DialFailure.messageOf(cause)
  const code = DialFailure.codeOf(cause)
  switch (code) {
    case "ERR_REDIS_AUTHENTICATION_FAILED":
      return DialFailure.ofReply(address, true, detail)
    case "ERR_REDIS_INVALID_COMMAND":
    case "ERR_REDIS_SERVER_ERROR":
      return DialFailure.ofReply(address, false, detail)
    case "ERR_REDIS_CONNECTION_TIMEOUT":
      return new RedisConnectError({ reason: "Timeout", address, detail })
    case "ERR_REDIS_CONNECTION_CLOSED":
      return new RedisConnectError({ reason: "Closed", address, detail: "" })
    default:
      if (code.startsWith("ERR_REDIS_INVALID")) return new RedisConnectError({ reason: "Protocol", address, detail })
      return DialFailure.ofSocket(address, code, detail)
  }
}

/** Dials, and succeeds when PING is answered to the configured user: `connect()` itself hides the causes. */
const dial = (
  address: RedisConfig.RedisAddress,
  options: RedisOptions
): Effect.Effect<
  { readonly client: Client; readonly closed: Deferred.Deferred<void> },
  RedisConnectError | RedisAuthError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const said = RedisConfig.describe(address)
    yield* DialFailure.ofAddress(address)
    if (address.path !== undefined && !isPathOfUrl(address.path)) {
      const detail =
        "Bun's client takes no such path: use effect-cache-toolkit/IoRedis, or a path of letters, digits and . _ -"
      return yield* new RedisConnectError({ reason: "Address", address: said, detail })
    }
    const closed = Deferred.unsafeMake<void>(FiberId.none)
    const client = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          const created = new BunClient(urlOf(address), options)
          created.onclose = () => Deferred.unsafeDone(closed, Exit.void)
          return created
        },
        catch: (cause) => DialFailure.ofSettings(said, cause)
      }),
      (created) => Effect.sync(() => created.close())
    )
    yield* Effect.async<void, RedisConnectError | RedisAuthError>((resume) => {
      // the rejection of the PING behind it says more; this one must only not be unhandled
      client.connect().catch(() => {})
      // the URL of a socket has no place for the database
      const select =
        address.path === undefined ? Promise.resolve() : client.send("SELECT", [String(address.database ?? 0)])
      Promise.allSettled([client.send("PING", []), select]).then(([ping, selected]) => {
        const error =
          (ping.status === "rejected" ? ofPing(said, ping.reason) : undefined) ??
          (selected.status === "rejected"
            ? DialFailure.ofReply(said, true, DialFailure.messageOf(selected.reason))
            : undefined)
        resume(error === undefined ? Effect.void : Effect.flip(SecondLook.explained(address, error)))
      })
    })
    return { client, closed }
  })

/**
 * Bun's client as a driver. `connectTimeout` bounds the dial where no supervisor bounds dial and handshake together. Throws
 * an `InvalidOption` that names a number or duration that cannot be right.
 *
 * @since 0.1.0
 * @category constructors
 */
export const driver = (
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.DurationInput = "5 seconds"
): RedisDriver => {
  DriverLayer.check("BunRedis", address, connectTimeout)
  return AddressDriver.make((address) => fixedDriver(address, connectTimeout), address)
}

/** With the login of the address, whatever its `credentials` say. */
const fixedDriver = (address: RedisConfig.RedisAddress, connectTimeout: Duration.DurationInput): RedisDriver => {
  const options = clientOptions(address, Duration.toMillis(connectTimeout))
  return {
    toError,
    address: RedisConfig.describe(address),
    database: address.database,
    connect: Effect.map(dial(address, options), ({ client, closed }) => ({
      closed,
      // Bun takes numbers as well and writes them in decimal; its types do not say so
      send: (command, args) => client.send(command, args as Array<string>) as Promise<RedisReply>,
      sendBuffer: (key) => client.getBuffer(key),
      bufferedAmount: () => client.bufferedAmount
    })),
    connectSubscriber: Effect.map(dial(address, options), ({ client, closed }) => ({
      closed,
      setName: (name) => client.send("CLIENT", ["SETNAME", name]),
      subscribe: (channel, listener) => client.subscribe(channel, (message) => listener(message)).then(() => {}),
      unsubscribe: (channel) => client.unsubscribe(channel).then(() => {})
    }))
  }
}

/**
 * Provides a client of one server. The layer is ready when the first dial has ended, and never fails. While there is no
 * connection every command fails with `RedisUnavailable`, and the status says why. A number or duration that cannot be right
 * is a defect that names the option.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * import { RedisClient } from "effect-cache-toolkit"
 * import * as BunRedis from "effect-cache-toolkit/BunRedis"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
 *   return yield* redis.get("greeting")
 * })
 *
 * program.pipe(Effect.provide(BunRedis.layer({ host: "localhost", password: Redacted.make("secret") })))
 */
export const layer: (address: RedisConfig.RedisAddress, options?: ClientOptions) => Layer.Layer<RedisClient> =
  DriverLayer.layer(driver)

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
 * import * as BunRedis from "effect-cache-toolkit/BunRedis"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
 *   return yield* redis.get("greeting")
 * })
 *
 * program.pipe(Effect.provide(BunRedis.layerCluster({ nodes: [{ host: "localhost", port: 7000 }] })))
 */
export const layerCluster: (cluster: RedisConfig.ClusterAddress, options?: ClientOptions) => Layer.Layer<RedisClient> =
  DriverLayer.layerCluster(driver)

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
 * import * as BunRedis from "effect-cache-toolkit/BunRedis"
 * import * as Redacted from "effect/Redacted"
 *
 * const redis = BunRedis.layerSentinel({
 *   sentinels: [{ host: "sentinel-1" }, { host: "sentinel-2" }, { host: "sentinel-3" }],
 *   master: "mymaster",
 *   password: Redacted.make("secret"),
 *   sentinelPassword: Redacted.make("another secret")
 * })
 */
export const layerSentinel: (
  address: RedisConfig.SentinelAddress,
  options?: ClientOptions
) => Layer.Layer<RedisClient> = DriverLayer.layerSentinel(driver)

/**
 * Provides the client that the environment asks for, and logs which one. Fails with a `ConfigError` that names the wrong or
 * missing variable. See `RedisConfig.config` for the variables.
 *
 * - `REDIS_ENABLED=false`: a client that sends nothing
 * - `REDIS_SENTINELS` with `REDIS_SENTINEL_MASTER`: a client of the primary that these sentinels name
 * - `REDIS_CLUSTER_NODES`: a client of the cluster that these servers belong to
 * - `REDIS_URL` or `REDIS_HOST`: a client of that server
 * - none of them: a `ConfigError`, or the embedded memory client with `embeddedWhenUnset: true`
 *
 * `REDIS_KEY_PREFIX` is the `keyPrefix` where the options have none.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: (
  options?: UnsetAddress.LayerConfigOptions
) => Layer.Layer<RedisClient, ConfigError.ConfigError> = DriverLayer.layerConfig(driver)
