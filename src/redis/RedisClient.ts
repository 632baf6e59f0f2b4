/**
 * The service that the rest of the toolkit, and an application, talks to Redis with.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import { type RedisError, RedisUnavailable } from "./RedisError.js"
import type { RedisScript } from "./RedisScript.js"
import { type CircuitState, ConnectionState, type RedisStatus } from "./RedisStatus.js"

/**
 * Commands on one supervised connection. Every command answers within its timeout; see `RedisError` for what a failure
 * lets you conclude. "May be repeated" below means: repeated by `withRetry` also when the outcome is unknown.
 *
 * A key, member, pattern or channel that holds a lone surrogate fails with `RedisServerError`, code `ERR`, before anything is
 * sent, as does any argument of `send`: it would be sent as U+FFFD, and name what another one names. In a value of `set`
 * U+FFFD takes its place.
 *
 * @since 0.1.0
 * @category services
 */
export class RedisClient extends Context.Tag("effect-cache-toolkit/RedisClient")<RedisClient, RedisClient.Service>() {}

/**
 * @since 0.1.0
 * @category models
 */
export interface SetOptions {
  /** time to live; rejected when it is not positive or longer than 268,435,455 s, the longest that Dragonfly keeps */
  readonly ttl?: Duration.DurationInput | undefined
  /** `NX`: only when the key does not exist; `XX`: only when it does */
  readonly condition?: "NX" | "XX" | undefined
  /** keep the time to live that the key has */
  readonly keepTtl?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ScoredMember {
  readonly member: string
  readonly score: number
}

/**
 * A value with the number of the connection that it came from.
 *
 * @since 0.1.0
 * @category models
 */
export interface WithGeneration<out A> {
  readonly value: A
  readonly generation: number
}

/**
 * Which of the keys that match a pattern are deleted: all of them by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface DelPatternOptions {
  /** only keys that hold a value of this type, as TYPE names it */
  readonly type?: "string" | "list" | "set" | "zset" | "hash" | "stream" | undefined
  /** only keys of which this is true */
  readonly where?: ((key: string) => boolean) | undefined
}

/**
 * What a subscription delivers: a message, or the notice that messages may have been lost since the last element
 * (a reconnection, missed beats, a consumer too slow for its buffer). Whatever depends on the messages is then unknown.
 *
 * @since 0.1.0
 * @category models
 */
export type SubscriptionEvent =
  | { readonly _tag: "Message"; readonly channel: string; readonly message: string }
  | {
      readonly _tag: "Gap"
      readonly channel: string
      readonly reason: "Connected" | "Reconnected" | "MissedBeats" | "SlowConsumer"
    }

/**
 * @since 0.1.0
 */
export declare namespace RedisClient {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * The text under a key. A key that holds another type reads as absent, since concurrent reads travel as one MGET.
     * May be repeated.
     */
    readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
    /** The texts under several keys, in their order, by one MGET per chunk. May be repeated. */
    readonly mget: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Option.Option<string>>, RedisError>
    /**
     * As `mget`, for what batches by itself and wakes its callers by itself: without a fiber, and told to a callback, with
     * the generation that answered. The keys are asked for when the command leaves, which is at the end of the turn or,
     * with too many others in flight, later; and never where a server's client refuses it, which is told at once. They are
     * no more than a server should answer in one go. Never repeated.
     */
    readonly unsafeMget: (
      keys: () => ReadonlyArray<string>,
      answered: (texts: Exit.Exit<WithGeneration<ReadonlyArray<string | undefined>>, RedisError>) => void
    ) => void
    /** The stored bytes. May be repeated. */
    readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
    /** Stores a text and says whether it did (always `true` without a condition). May be repeated unless `NX` or `XX`. */
    readonly set: (key: string, value: string, options?: SetOptions) => Effect.Effect<boolean, RedisError>
    /** As `set`, for bytes. */
    readonly setBuffer: (key: string, value: Uint8Array, options?: SetOptions) => Effect.Effect<boolean, RedisError>
    /** Deletes keys and says how many existed. May be repeated. */
    readonly del: (...keys: ReadonlyArray<string>) => Effect.Effect<number, RedisError>
    /**
     * Deletes the keys that match a glob pattern, by SCAN and UNLINK in batches, and says how many. Never build the
     * pattern from user input without `RedisKey.escapeGlob`. Fails with `RedisProtocolError` where the server's cursor does not
     * come to its end. May be repeated.
     */
    readonly delPattern: (pattern: string, options?: DelPatternOptions) => Effect.Effect<number, RedisError>
    /** Adds one and answers the new value. Never repeated after an unknown outcome. */
    readonly incr: (key: string) => Effect.Effect<number, RedisError>
    /** Subtracts one and answers the new value. Never repeated after an unknown outcome. */
    readonly decr: (key: string) => Effect.Effect<number, RedisError>
    /** Sets the time to live and says whether the key exists. May be repeated. */
    readonly expire: (key: string, ttl: Duration.DurationInput) => Effect.Effect<boolean, RedisError>
    /** The remaining time: none when the key does not exist, infinity when it never expires. May be repeated. */
    readonly ttl: (key: string) => Effect.Effect<Option.Option<Duration.Duration>, RedisError>
    /** Adds or moves a member and says whether it is new. May be repeated. */
    readonly zadd: (key: string, score: number, member: string) => Effect.Effect<boolean, RedisError>
    /** Adds to a member's score and answers the new one. Never repeated after an unknown outcome. */
    readonly zincrby: (key: string, increment: number, member: string) => Effect.Effect<number, RedisError>
    /** Removes a member and says whether it was there. May be repeated. */
    readonly zrem: (key: string, member: string) => Effect.Effect<boolean, RedisError>
    /** The number of members. May be repeated. */
    readonly zcard: (key: string) => Effect.Effect<number, RedisError>
    /** Members from the highest score down, by rank, both ends included, negative from the end. May be repeated. */
    readonly zrevrange: (key: string, start: number, stop: number) => Effect.Effect<ReadonlyArray<string>, RedisError>
    /** As `zrevrange`, with scores. */
    readonly zrevrangeWithScores: (
      key: string,
      start: number,
      stop: number
    ) => Effect.Effect<ReadonlyArray<ScoredMember>, RedisError>
    /** Members with scores from `max` down to `min`, both included. May be repeated. */
    readonly zrevrangebyscore: (
      key: string,
      max: number,
      min: number,
      options?: { readonly offset: number; readonly count: number }
    ) => Effect.Effect<ReadonlyArray<ScoredMember>, RedisError>
    /** The rank from the highest score, counted from 0. May be repeated. */
    readonly zrevrank: (key: string, member: string) => Effect.Effect<Option.Option<number>, RedisError>
    /** The score of a member. May be repeated. */
    readonly zscore: (key: string, member: string) => Effect.Effect<Option.Option<number>, RedisError>
    /** Sends a message to a channel and says how many received it. Never repeated after an unknown outcome. */
    readonly publish: (channel: string, message: string) => Effect.Effect<number, RedisError>
    /**
     * The messages of a channel, and the gaps between them. The stream outlives disconnections; it fails only with
     * `RedisUnavailable` (reason `Disabled`) when the client is off or closed, and with `RedisAuthError` when the user
     * has no right to the channel.
     */
    readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
    /**
     * As `subscribe`, for as long as the effect runs, told to a callback: in the turn in which it arrives, without a buffer
     * that could overflow. For what is done in a moment, since the other subscriptions wait for it. What the callback throws
     * ends the effect, as a defect.
     */
    readonly listen: (channel: string, heard: (event: SubscriptionEvent) => void) => Effect.Effect<never, RedisError>
    /** Runs a script. Repeated after an unknown outcome only when the script is declared idempotent. */
    readonly run: <Input, Output>(
      script: RedisScript<Input, Output>
    ) => (input: Input) => Effect.Effect<Output, RedisError>
    /** As `run`, with the generation that answered. */
    readonly runStamped: <Input, Output>(
      script: RedisScript<Input, Output>
    ) => (input: Input) => Effect.Effect<WithGeneration<Output>, RedisError>
    /**
     * As `runStamped`, without a fiber and told to a callback: at once where it is refused, else in the turn of the reply.
     * Scripts are sent in the order of their calls. Never repeated.
     */
    readonly unsafeRun: <Input, Output>(
      script: RedisScript<Input, Output>
    ) => (input: Input, answered: (reply: Exit.Exit<WithGeneration<Output>, RedisError>) => void) => void
    /**
     * Any other command. Refused without sending: commands that change the shared connection for other callers
     * (MULTI, WATCH, SELECT, SUBSCRIBE, blocking commands, …). Never repeated after an unknown outcome.
     */
    readonly send: (command: string, ...args: ReadonlyArray<RedisArgument>) => Effect.Effect<RedisReply, RedisError>
    /** Deletes every key of the database. */
    readonly flushDb: Effect.Effect<void, RedisError>
    /** Whether commands are accepted at this moment. */
    readonly isAvailable: Effect.Effect<boolean>
    /**
     * What the server's clock shows, as last learned, in milliseconds; nothing is sent. Setting this machine's clock does
     * not change it.
     */
    readonly serverTime: Effect.Effect<number>
    /** By how many milliseconds the server's clock is ahead of `MonotonicClock.unsafeMillis`, as last learned. */
    readonly clockOffsetMillis: () => number
    readonly getStatus: Effect.Effect<RedisStatus>
    /** The connection state now and each change of it. */
    readonly statusChanges: Stream.Stream<ConnectionState>
    /** The state of the circuit breaker now and each change of it. */
    readonly circuitChanges: Stream.Stream<CircuitState>
    /** Closes the connection for good; every later call fails with `RedisUnavailable`, reason `Disabled`. */
    readonly close: Effect.Effect<void>
  }
}

const disabled = Exit.fail(new RedisUnavailable({ reason: "Disabled" }))
const refuse = () => disabled

/**
 * Redis switched off: every command fails at once with `RedisUnavailable`, reason `Disabled`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOff: Layer.Layer<RedisClient> = Layer.succeed(RedisClient, {
  get: refuse,
  mget: refuse,
  unsafeMget: (_keys, answered) => answered(disabled),
  getBuffer: refuse,
  set: refuse,
  setBuffer: refuse,
  del: refuse,
  delPattern: refuse,
  incr: refuse,
  decr: refuse,
  expire: refuse,
  ttl: refuse,
  zadd: refuse,
  zincrby: refuse,
  zrem: refuse,
  zcard: refuse,
  zrevrange: refuse,
  zrevrangeWithScores: refuse,
  zrevrangebyscore: refuse,
  zrevrank: refuse,
  zscore: refuse,
  publish: refuse,
  subscribe: () => Stream.fromEffect(disabled),
  listen: refuse,
  run: () => refuse,
  runStamped: () => refuse,
  unsafeRun: () => (_input, answered) => answered(disabled),
  send: refuse,
  flushDb: disabled,
  isAvailable: Effect.succeed(false),
  serverTime: MonotonicClock.millis,
  clockOffsetMillis: () => 0,
  getStatus: Effect.succeed<RedisStatus>({
    state: ConnectionState.Disabled(),
    connected: false,
    bufferedAmount: 0,
    inFlight: 0,
    waiting: 0,
    circuit: "Closed",
    generation: 0,
    server: Option.none(),
    latency: Option.none(),
    clockOffsetMillis: 0,
    lastFailure: Option.none()
  }),
  statusChanges: Stream.make(ConnectionState.Disabled()),
  circuitChanges: Stream.empty,
  close: Effect.void
})
