/**
 * The service that the rest of the toolkit, and an application, talks to Redis with.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as RedisCommands from "./RedisCommands.js"
import { RedisUnavailable } from "./RedisError.js"
import type { RedisExecutor } from "./RedisExecutor.js"
import { ConnectionState, type RedisStatus } from "./RedisStatus.js"

export type {
  /**
   * Which of the keys that match a pattern are deleted: all of them by default.
   *
   * @since 0.1.0
   * @category models
   */
  DelPatternOptions,
  /**
   * A member of a sorted set with its score.
   *
   * @since 0.1.0
   * @category models
   */
  ScoredMember,
  /**
   * How a text or bytes are stored.
   *
   * @since 0.1.0
   * @category models
   */
  SetOptions
} from "./RedisCommands.js"
export type {
  /**
   * What a subscription delivers.
   *
   * @since 0.1.0
   * @category models
   */
  SubscriptionEvent
} from "./RedisExecutor.js"

/**
 * The client of one Redis, Valkey or Dragonfly. `RedisCommands` describes each command.
 *
 * A layer of another kind is a small `RedisExecutor` and `RedisCommands.fromExecutor`. A copy of a client whose commands are
 * replaced serves what calls these commands; caches call the executor, which the copy shares with the original.
 *
 * @since 0.1.0
 * @category services
 */
export class RedisClient extends Context.Tag("effect-cache-toolkit/RedisClient")<RedisClient, RedisClient.Service>() {}

/**
 * @since 0.1.0
 */
export declare namespace RedisClient {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service extends RedisCommands.RedisCommands {}
}

/** Fails every command at once with `RedisUnavailable`, reason `Disabled`. */
const disabledExecutor = (): RedisExecutor => {
  const disabled = Exit.fail(new RedisUnavailable({ reason: "Disabled" }))
  const status: RedisStatus = {
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
    address: Option.none(),
    lastFailure: Option.none()
  }
  return {
    get: () => disabled,
    getBuffer: () => disabled,
    command: () => disabled,
    unsafeMget: (_keys, onReply) => onReply(disabled),
    script: () => disabled,
    unsafeScript: (_script, _input, onReply) => onReply(disabled),
    subscribe: () => Stream.fromEffect(disabled),
    listen: () => disabled,
    track: () => disabled,
    clockOffsetMillis: () => 0,
    getStatus: Effect.succeed(status),
    statusChanges: Stream.make(status.state),
    circuitChanges: Stream.empty,
    close: Effect.void
  }
}

/**
 * Switches Redis off: every command fails at once with `RedisUnavailable`, reason `Disabled`.
 *
 * @since 0.1.0
 * @category layers
 */
// suspended, so that a program without it builds no commands
export const layerOff: Layer.Layer<RedisClient> = Layer.suspend(() =>
  Layer.succeed(RedisClient, RedisCommands.fromExecutor(disabledExecutor()))
)
