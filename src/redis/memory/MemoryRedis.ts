/**
 * Redis inside the process: the client's whole contract on a bounded keyspace in memory, without a server. It is what a
 * program uses that has none, and what tests use; its time is Effect's Clock, so keys expire under a TestClock.
 *
 * @since 0.1.0
 */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { malformed } from "../ArgumentCheck.js"
import * as PrefixedExecutor from "../prefix/PrefixedExecutor.js"
import { RedisClient } from "../RedisClient.js"
import * as RedisCommands from "../RedisCommands.js"
import type { RedisReply } from "../RedisConnection.js"
import { fromServerReply, type RedisError, RedisUnavailable } from "../RedisError.js"
import { callbacksFrom, type RedisExecutor, type WithGeneration } from "../RedisExecutor.js"
import { ConnectionState, type RedisStatus } from "../RedisStatus.js"
import { SubscriptionBuffer } from "../SubscriptionBuffer.js"
import * as Keyspace from "./Keyspace.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface MemoryRedisOptions {
  /** the most keys that are kept; beyond them the one used least recently gives way: default 100,000 */
  readonly maxKeys?: number | undefined
  /** how many events a subscriber may be behind before it loses them and sees a `Gap`: default 4,096 */
  readonly subscriptionCapacity?: number | undefined
  /** by how many milliseconds its clock is ahead of the process's monotonic clock: default 0 */
  readonly aheadMillis?: (() => number) | undefined
  /** what stands before every key, channel and pattern: default nothing */
  readonly keyPrefix?: string | undefined
}

const generation = 1

const disabled: Effect.Effect<never, RedisUnavailable> = Effect.suspend(() =>
  Effect.fail(new RedisUnavailable({ reason: "Disabled" }))
)

const status: RedisStatus = {
  state: ConnectionState.Connected({ generation }),
  connected: true,
  bufferedAmount: 0,
  inFlight: 0,
  waiting: 0,
  circuit: "Closed",
  generation,
  server: Option.some({ name: "Memory", version: "0" }),
  latency: Option.none(),
  clockOffsetMillis: 0,
  address: Option.none(),
  lastFailure: Option.none()
}

/**
 * A keyspace of its own that answers at once. Its clock starts at the system's time and only goes forward, so that setting
 * the system's clock ends no key early or late. Commands and scripts are atomic. Fails with `RedisServerError` where a
 * server would answer with an error, and with `RedisUnavailable`, reason `Disabled`, once it or its scope is closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeExecutor = (options: MemoryRedisOptions = {}): Effect.Effect<RedisExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const check = OptionCheck.make("MemoryRedis")
    check.wholeNumber("maxKeys", options.maxKeys)
    check.wholeNumber("subscriptionCapacity", options.subscriptionCapacity)
    // undefined once it is closed; only read and replaced within one synchronous step, which makes each step atomic
    const current = MutableRef.make<Keyspace.Keyspace | undefined>(Keyspace.make(options))
    const state = yield* SubscriptionRef.make<ConnectionState>(status.state)
    const channels = new Map<string, Set<SubscriptionBuffer>>()
    const { aheadMillis = () => 0 } = options

    const publish = (channel: string, message: string): number => {
      const subscribers = channels.get(channel)
      if (subscribers === undefined) return 0
      for (const subscriber of subscribers) subscriber.offer({ _tag: "Message", channel, message })
      return subscribers.size
    }

    const step = <A>(
      use: (keyspace: Keyspace.Keyspace, now: number) => Effect.Effect<A, RedisError>
    ): Effect.Effect<A, RedisError> =>
      Clock.clockWith((clock) => {
        const keyspace = MutableRef.get(current)
        // a server knows whole milliseconds, a TestClock that slept for a jittered time others too
        return keyspace === undefined
          ? disabled
          : use(keyspace, Math.floor(MonotonicClock.unsafeMillis(clock)) + aheadMillis())
      })

    const answer = (
      command: string,
      { keyspace, reply }: Keyspace.Execution
    ): Effect.Effect<WithGeneration<RedisReply>, RedisError> => {
      MutableRef.set(current, keyspace)
      return reply instanceof Keyspace.ErrorReply
        ? Effect.fail(fromServerReply(command, reply.message))
        : Effect.succeed({ value: reply, generation })
    }

    const subscribe: RedisExecutor["subscribe"] = (channel) =>
      Stream.unwrapScoped(
        Effect.map(
          Effect.acquireRelease(
            Effect.suspend(() => (MutableRef.get(current) === undefined ? disabled : Effect.sync(() => join(channel)))),
            (buffer) => Effect.sync(() => leave(channel, buffer))
          ),
          (buffer) => buffer.stream
        )
      )

    const join = (channel: string): SubscriptionBuffer => {
      const buffer = new SubscriptionBuffer(channel, options.subscriptionCapacity)
      buffer.offer({ _tag: "Gap", channel, reason: "Connected" })
      const subscribers = channels.get(channel)
      if (subscribers === undefined) channels.set(channel, new Set([buffer]))
      else subscribers.add(buffer)
      return buffer
    }

    const leave = (channel: string, buffer: SubscriptionBuffer): void => {
      const subscribers = channels.get(channel)
      subscribers?.delete(buffer)
      if (subscribers?.size === 0) channels.delete(channel)
    }

    const close = Effect.suspend(() => {
      MutableRef.set(current, undefined)
      for (const subscribers of channels.values()) {
        for (const subscriber of subscribers) subscriber.fail(new RedisUnavailable({ reason: "Disabled" }))
      }
      channels.clear()
      return SubscriptionRef.set(state, ConnectionState.Disabled())
    })
    yield* Effect.addFinalizer(() => close)

    const command: RedisExecutor["command"] = (command, args) =>
      step((keyspace, now) => answer(command, Keyspace.execute(keyspace, { now, publish }, command, args)))

    const script: RedisExecutor["script"] = (script, input) =>
      step((keyspace, now) =>
        answer(
          script.name,
          Keyspace.runScript(keyspace, { now, publish }, script, script.keys(input), script.args(input))
        )
      )

    const executor: RedisExecutor = {
      get: (key) =>
        step((before, now) => {
          if (!key.isWellFormed()) return malformed("GET", key)
          const { keyspace, text } = Keyspace.get(before, now, key)
          if (keyspace !== before) MutableRef.set(current, keyspace)
          return Effect.succeed(Option.fromNullable(text))
        }),
      getBuffer: (key) =>
        step((before, now) => {
          if (!key.isWellFormed()) return malformed("GET", key)
          const { bytes, keyspace } = Keyspace.getBytes(before, now, key)
          MutableRef.set(current, keyspace)
          return bytes instanceof Keyspace.ErrorReply
            ? Effect.fail(fromServerReply("GET", bytes.message))
            : Effect.succeed(Option.fromNullable(bytes))
        }),
      command,
      script,
      ...(yield* callbacksFrom({ command, script, subscribe })),
      // no other program reaches these keys
      track: (_prefix, onEvent) =>
        Effect.zipRight(
          Effect.sync(() => onEvent({ _tag: "State", state: { _tag: "Active", heard: "AllKeys" } })),
          Effect.never
        ),
      subscribe,
      clockOffsetMillis: aheadMillis,
      getStatus: Effect.map(SubscriptionRef.get(state), (state) => ({
        ...status,
        state,
        connected: state._tag === "Connected"
      })),
      statusChanges: state.changes,
      circuitChanges: Stream.make(status.circuit),
      close
    }
    return PrefixedExecutor.make(executor, options.keyPrefix)
  })

/**
 * Provides a client in memory. Each build of the layer has a keyspace of its own, which ends with the scope. Two calls
 * make two layers: programs that share a keyspace share the layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * import { MemoryRedis, RedisClient } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
 *   return yield* redis.get("greeting")
 * })
 *
 * Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
 */
export const layer = (options: MemoryRedisOptions = {}): Layer.Layer<RedisClient> =>
  Layer.scoped(RedisClient, Effect.map(makeExecutor(options), RedisCommands.fromExecutor))
