/**
 * The executor over a server: queue, circuit breaker, supervision, scripts and subscriptions, put together.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as OptionCheck from "../../internal/OptionCheck.js"
import type { RedisDriver } from "../RedisConnection.js"
import type { RedisExecutor } from "../RedisExecutor.js"
import { defaultCapacity } from "../SubscriptionBuffer.js"
import * as CircuitBreaker from "./CircuitBreaker.js"
import * as CommandQueue from "./queue/CommandQueue.js"
import * as Reconnection from "./Reconnection.js"
import * as ScriptRunner from "./ScriptRunner.js"
import * as Supervisor from "./Supervisor.js"
import * as Subscriber from "./subscription/Subscriber.js"

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
  readonly circuitBreaker?: CircuitBreaker.CircuitBreakerOptions | undefined
}

/**
 * Builds the executor and returns when the first dial has ended, whether it succeeded or not. An option that cannot be right
 * is a defect that names it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  driver: RedisDriver,
  options: ClientOptions = {}
): Effect.Effect<RedisExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const schedules: Reconnection.ReconnectionSchedules = {
      reconnect: options.reconnect ?? Reconnection.defaultReconnect,
      probe: options.probe ?? Reconnection.defaultProbe
    }
    const check = OptionCheck.make("Redis client")
    const connectTimeout = Duration.decode(
      check.positiveDuration("connectTimeout", options.connectTimeout, { infinite: true }) ?? "5 seconds"
    )
    const commandTimeout = Duration.decode(
      check.positiveDuration("commandTimeout", options.commandTimeout) ?? "1 second"
    )
    const subscribeTimeout = Duration.decode(
      check.positiveDuration("subscribeTimeout", options.subscribeTimeout) ?? "5 seconds"
    )
    const allowReplica = options.allowReplica ?? false
    const heartbeatInterval = Duration.decode(
      check.positiveDuration("heartbeatInterval", options.heartbeatInterval) ?? "1 second"
    )

    const breaker: CircuitBreaker.CircuitBreaker = yield* CircuitBreaker.make(
      // a user without the right to PING is answered all the same
      Effect.suspend(() =>
        Effect.match(queue.probe("PING", []), {
          onSuccess: () => true,
          onFailure: (error) => error._tag === "RedisAuthError"
        })
      ),
      options.circuitBreaker
    )
    const queue: CommandQueue.CommandQueue = yield* CommandQueue.make(
      {
        commandTimeout,
        maxInFlight: check.wholeNumber("maxInFlight", options.maxInFlight) ?? 4096,
        maxWaiting: check.wholeNumber("maxWaiting", options.maxWaiting, { least: 0 }) ?? 65536,
        maxKeysPerRead: check.wholeNumber("maxKeysPerRead", options.maxKeysPerRead) ?? 128,
        timeoutsToGiveUp: check.wholeNumber("timeoutsToGiveUp", options.timeoutsToGiveUp) ?? 3,
        toError: (command, cause) => supervisor.noticed(driver.toError(command, cause))
      },
      breaker
    )
    const subscriber: Subscriber.Subscriber = yield* Subscriber.make(driver, {
      ...schedules,
      connectTimeout,
      subscribeTimeout,
      beatInterval: heartbeatInterval,
      bufferCapacity: check.wholeNumber("subscriptionBuffer", options.subscriptionBuffer) ?? defaultCapacity,
      isConnected: Effect.suspend(() => SubscriptionRef.get(supervisor.state)).pipe(
        Effect.map(({ _tag }) => _tag === "Connected")
      ),
      publish: (channel, message) =>
        Effect.map(queue.probe("PUBLISH", [channel, message]), ({ value }) => Number(value))
    })
    const supervisor: Supervisor.Supervisor = yield* Supervisor.make(driver, queue, breaker, {
      ...schedules,
      connectTimeout,
      heartbeatInterval,
      allowReplica,
      moved: subscriber.redial
    })

    return {
      get: queue.get,
      getBuffer: queue.getBuffer,
      command: queue.command,
      unsafeMget: (keys, answered) => queue.late("MGET", keys, answered),
      ...ScriptRunner.make(queue.late),
      subscribe: subscriber.subscribe,
      listen: subscriber.listen,
      clockOffsetMillis: supervisor.clockOffsetMillis,
      getStatus: Effect.map(SubscriptionRef.get(supervisor.state), (state) => ({
        state,
        connected: state._tag === "Connected",
        circuit: breaker.state(),
        inFlight: queue.inFlight(),
        waiting: queue.waiting(),
        ...supervisor.facts()
      })),
      statusChanges: supervisor.changes,
      circuitChanges: breaker.changes,
      close: Effect.zipRight(supervisor.close, subscriber.close)
    }
  })
