/**
 * The options of a client, and how they are checked.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import { defaultCapacity } from "../SubscriptionBuffer.js"
import type { CircuitBreakerOptions } from "./CircuitBreaker.js"
import * as Reconnection from "./Reconnection.js"

/**
 * The options of a client. The defaults suit a cache in the same data centre as its application.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /** dial and handshake together: default 5 seconds */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * How long the layer waits for the first dial. Then it is ready without a connection, and the dial continues. Default: until
   * the first dial has ended, which takes `connectTimeout` where a server does not answer
   */
  readonly startTimeout?: Duration.DurationInput | undefined
  /**
   * From a call to its reply, waiting included: default 1 second. A reply that has arrived is no timeout, however late a
   * stalled process comes to read it. A large value on a slow line needs more.
   */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** one SUBSCRIBE: default 5 seconds */
  readonly subscribeTimeout?: Duration.DurationInput | undefined
  /** between signs of life, on both connections: default 1 second */
  readonly heartbeatInterval?: Duration.DurationInput | undefined
  /**
   * Rounds of timeouts without a sign of life between them, after which the connection is given up: default 3. Replies are
   * signs of life, and bytes of a large value that move. Where they move unseen, a line is trusted to carry 1 MB a second.
   */
  readonly timeoutsToGiveUp?: number | undefined
  /** commands sent and not answered: default 4096 */
  readonly maxInFlight?: number | undefined
  /** commands waiting beyond those, before `RedisUnavailable` with reason `Overloaded`: default 65536 */
  readonly maxWaiting?: number | undefined
  /** keys in one MGET of coalesced reads: default 128 */
  readonly maxKeysPerRead?: number | undefined
  /** messages that a subscriber may be behind before it loses them and sees a gap: default 4096 */
  readonly subscriptionBuffer?: number | undefined
  /**
   * Whether a replica will do, for programs that only read. By default the client counts a replica as no connection, and
   * dials until the address leads to a primary. A cache on a replica may serve invalidated values. Default false
   */
  readonly allowReplica?: boolean | undefined
  /** pauses before dialling again: default 1, 2, 4, 8 and 16 seconds, then the client is `Unavailable` */
  readonly reconnect?: Schedule.Schedule<unknown> | undefined
  /** pauses between dials while it is `Unavailable`: default about every 30 seconds, for ever */
  readonly probe?: Schedule.Schedule<unknown> | undefined
  /** rejects commands at once while most of them fail: default that of each option */
  readonly circuitBreaker?: CircuitBreakerOptions | undefined
  /**
   * What stands before every key, channel and pattern, such as `shop:`. Callers do not see it. Clients with different prefixes,
   * none of which begins with another one, reach nothing of each other. It holds no braces and no control characters.
   * Default: nothing
   */
  readonly keyPrefix?: string | undefined
  /**
   * The name of the command connection in CLIENT LIST, of printable ASCII without spaces. Default "effect-cache-toolkit". A
   * server that refuses it is used all the same
   */
  readonly clientName?: string | undefined
}

/**
 * The options with their defaults.
 *
 * @since 0.2.0
 * @category models
 */
export interface ClientSettings extends Reconnection.ReconnectionSchedules {
  readonly connectTimeout: Duration.Duration
  readonly startTimeout: Duration.Duration
  readonly commandTimeout: Duration.Duration
  readonly subscribeTimeout: Duration.Duration
  readonly heartbeatInterval: Duration.Duration
  readonly timeoutsToGiveUp: number
  readonly maxInFlight: number
  readonly maxWaiting: number
  readonly maxKeysPerRead: number
  readonly subscriptionBuffer: number
  readonly allowReplica: boolean
  readonly circuitBreaker: CircuitBreakerOptions | undefined
  readonly clientName: string
}

/**
 * Throws an `InvalidOption` that names an option that cannot be right.
 *
 * @since 0.2.0
 * @category constructors
 */
export const of = (options: ClientOptions): ClientSettings => {
  const check = OptionCheck.make("Redis client")
  const { clientName = "effect-cache-toolkit" } = options
  if (!/^[!-~]+$/.test(clientName)) check.reject("clientName", clientName, "printable ASCII without spaces")
  return {
    reconnect: options.reconnect ?? Reconnection.defaultReconnect,
    probe: options.probe ?? Reconnection.defaultProbe,
    connectTimeout: Duration.decode(
      check.positiveDuration("connectTimeout", options.connectTimeout, { infinite: true }) ?? "5 seconds"
    ),
    startTimeout: Duration.decode(
      check.positiveDuration("startTimeout", options.startTimeout, { infinite: true }) ?? Duration.infinity
    ),
    commandTimeout: Duration.decode(check.positiveDuration("commandTimeout", options.commandTimeout) ?? "1 second"),
    subscribeTimeout: Duration.decode(
      check.positiveDuration("subscribeTimeout", options.subscribeTimeout) ?? "5 seconds"
    ),
    heartbeatInterval: Duration.decode(
      check.positiveDuration("heartbeatInterval", options.heartbeatInterval) ?? "1 second"
    ),
    timeoutsToGiveUp: check.wholeNumber("timeoutsToGiveUp", options.timeoutsToGiveUp) ?? 3,
    maxInFlight: check.wholeNumber("maxInFlight", options.maxInFlight) ?? 4096,
    maxWaiting: check.wholeNumber("maxWaiting", options.maxWaiting, { least: 0 }) ?? 65536,
    maxKeysPerRead: check.wholeNumber("maxKeysPerRead", options.maxKeysPerRead) ?? 128,
    subscriptionBuffer: check.wholeNumber("subscriptionBuffer", options.subscriptionBuffer) ?? defaultCapacity,
    allowReplica: options.allowReplica ?? false,
    circuitBreaker: options.circuitBreaker,
    clientName
  }
}
