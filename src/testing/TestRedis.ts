/**
 * Redis in memory behind connections that a test can break. Each client has a connection of its own to the same server, as
 * processes have. All time is that of Effect's `Clock`, so a `TestClock` works.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as MemoryRedis from "../redis/memory/MemoryRedis.js"
import { RedisClient, type SubscriptionEvent } from "../redis/RedisClient.js"
import * as RedisCommands from "../redis/RedisCommands.js"
import { RedisConnectError, RedisConnectionLost, type RedisError, RedisUnavailable } from "../redis/RedisError.js"
import { callbacksFrom, type RedisExecutor } from "../redis/RedisExecutor.js"
import { type CircuitState, ConnectionState } from "../redis/RedisStatus.js"

/**
 * A client, with the controls of its connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  readonly redis: RedisClient.Service
  /** Disconnects: every call fails at once, and is not sent. */
  readonly cut: Effect.Effect<void>
  /** Connects again, as the next generation. Messages of the meantime are lost. */
  readonly restore: Effect.Effect<void>
  /** Connects again, as the next generation. The subscription reports no gap. */
  readonly reconnect: Effect.Effect<void>
  /** Fails every command with this error, without applying the command, until `restore` or `undefined`. */
  readonly failWith: (error: RedisError | undefined) => void
  /** Like `failWith`, for one command, or for the script of this name. `restore` does not end it. */
  readonly reject: (command: string, error: RedisError | undefined) => void
  /** Applies commands and loses their replies, until `restore` or `false`. */
  readonly loseReplies: (loses: boolean) => void
  /** Holds the replies to this command, or to the script of this name, until the resulting effect runs. */
  readonly holdReplies: (command: string) => Effect.Effect<void>
  /** Loses every message, until `restore` or `false`. */
  readonly deafen: (isDeaf: boolean) => void
  /** Sets the state of the circuit breaker. The connection stays up. */
  readonly circuit: (state: CircuitState) => Effect.Effect<void>
  /** Reports a gap in the subscription. */
  readonly gap: Effect.Effect<void>
  /** How many commands were called, applied or not. */
  readonly commands: () => number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Server {
  /** Makes another client. */
  readonly connect: Effect.Effect<Connection, never, Scope.Scope>
  /** A client that no fault reaches. */
  readonly direct: RedisClient.Service
  /** Moves the server's clock ahead by a millisecond. */
  readonly tick: () => void
}

/**
 * The connection behind the `RedisClient` of `layer`.
 *
 * @since 0.1.0
 * @category services
 */
export class TestRedis extends Context.Tag("effect-cache-toolkit/TestRedis")<TestRedis, TestRedis.Service>() {}

/**
 * @since 0.1.0
 */
export declare namespace TestRedis {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Disconnects: every call fails at once with `RedisUnavailable`, reason `Disconnected`, and is not sent. */
    readonly cut: Effect.Effect<void>
    /** Fails every command with this error, without applying the command. */
    readonly failWith: (error: RedisError) => Effect.Effect<void>
    /** Applies commands and fails them with `RedisConnectionLost`. */
    readonly loseReplies: Effect.Effect<void>
    /** Ends these faults, on a new connection. Messages of the meantime are lost. */
    readonly restore: Effect.Effect<void>
    /** Reports a gap to the subscriptions, as after lost messages. */
    readonly gap: Effect.Effect<void>
    /** How many commands were called, applied or not. */
    readonly commands: Effect.Effect<number>
    /**
     * Moves the server's clock ahead by a millisecond, under a `TestClock` too. Values stored from now on are younger than
     * the outage before.
     */
    readonly tick: Effect.Effect<void>
    /** A client that no fault reaches: the view of another process. */
    readonly server: RedisClient.Service
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  let aheadMillis = 0
  const server = yield* MemoryRedis.makeExecutor({ aheadMillis: () => aheadMillis })
  return {
    connect: connect(server),
    direct: RedisCommands.fromExecutor(server),
    tick: () => {
      aheadMillis++
    }
  }
})

const connect = (server: RedisExecutor): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    let generation = 1
    let failure: RedisError | undefined
    let losesReplies = false
    let isDeaf = false
    const held = new Map<string, Effect.Latch>()
    const rejected = new Map<string, RedisError>()
    let commands = 0
    const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Connected({ generation }))
    const circuit = yield* SubscriptionRef.make<CircuitState>("Closed")
    const gaps = yield* PubSub.unbounded<"Gap">()

    const pass = <A>(command: string, call: Effect.Effect<A, RedisError>): Effect.Effect<A, RedisError> =>
      Effect.suspend(() => {
        commands++
        const error = failure ?? rejected.get(command)
        if (error !== undefined) return Effect.fail(error)
        if (losesReplies) return Effect.zipRight(call, Effect.fail(new RedisConnectionLost({ command })))
        const latch = held.get(command)
        return latch === undefined ? call : Effect.zipLeft(call, latch.await)
      })
    const stamped = <A>(command: string, call: Effect.Effect<{ readonly value: A }, RedisError>) =>
      Effect.suspend(() => {
        const asked = generation
        return Effect.map(pass(command, call), ({ value }) => ({ value, generation: asked }))
      })

    const reconnect = Effect.suspend(() => {
      failure = undefined
      losesReplies = false
      isDeaf = false
      generation++
      return SubscriptionRef.set(state, ConnectionState.Connected({ generation }))
    })
    const gap = Effect.asVoid(PubSub.publish(gaps, "Gap" as const))

    const status = Effect.map(server.getStatus, (given) => ({
      ...given,
      generation,
      connected: failure?._tag !== "RedisUnavailable"
    }))
    const command: RedisExecutor["command"] = (command, args, options) =>
      stamped(command, server.command(command, args, options))
    const script: RedisExecutor["script"] = (script, input) => stamped(script.name, server.script(script, input))
    const subscribe: RedisExecutor["subscribe"] = (channel) =>
      Stream.merge(
        Stream.filter(server.subscribe(channel), () => !isDeaf && failure?._tag !== "RedisUnavailable"),
        Stream.map(Stream.fromPubSub(gaps), (): SubscriptionEvent => ({ _tag: "Gap", channel, reason: "Reconnected" }))
      )
    const executor: RedisExecutor = {
      ...server,
      get: (key) => pass("GET", server.get(key)),
      getBuffer: (key) => pass("GET", server.getBuffer(key)),
      command,
      script,
      ...(yield* callbacksFrom({ command, script, subscribe })),
      subscribe,
      getStatus: status,
      statusChanges: state.changes,
      circuitChanges: circuit.changes
    }
    return {
      redis: RedisCommands.fromExecutor(executor),
      cut: Effect.suspend(() => {
        failure = new RedisUnavailable({ reason: "Disconnected" })
        const cause = new RedisConnectError({ reason: "Closed", detail: "" })
        return SubscriptionRef.set(
          state,
          ConnectionState.Reconnecting({ attempt: 1, nextIn: Duration.seconds(1), cause })
        )
      }),
      restore: Effect.zipRight(reconnect, gap),
      reconnect,
      failWith: (error) => {
        failure = error
      },
      reject: (command, error) => {
        if (error === undefined) rejected.delete(command)
        else rejected.set(command, error)
      },
      loseReplies: (loses) => {
        losesReplies = loses
      },
      holdReplies: (command) => {
        const latch = Effect.unsafeMakeLatch(false)
        held.set(command, latch)
        return Effect.suspend(() => {
          held.delete(command)
          return latch.open
        })
      },
      deafen: (deaf) => {
        isDeaf = deaf
      },
      circuit: (now) => {
        failure = now === "Closed" ? undefined : new RedisUnavailable({ reason: "CircuitOpen" })
        return SubscriptionRef.set(circuit, now)
      },
      gap,
      commands: () => commands
    }
  })

/**
 * Provides a client in memory and the controls of its connection. Each build of the layer has a server of its own; layers
 * that are built together share it.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * import { RedisClient } from "effect-cache-toolkit"
 * import { TestRedis } from "effect-cache-toolkit/testing"
 * import * as Effect from "effect/Effect"
 *
 * const outage = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   const connection = yield* TestRedis.TestRedis
 *   yield* connection.cut
 *   // fails with RedisUnavailable, reason Disconnected
 *   return yield* Effect.flip(redis.get("greeting"))
 * })
 *
 * Effect.runPromise(Effect.provide(outage, TestRedis.layer))
 */
export const layer: Layer.Layer<TestRedis | RedisClient> = Layer.scopedContext(
  Effect.gen(function* () {
    const { connect, direct, tick } = yield* make
    const { commands, cut, failWith, gap, loseReplies, redis, restore } = yield* connect
    return Context.make(TestRedis, {
      cut,
      failWith: (error) => Effect.sync(() => failWith(error)),
      loseReplies: Effect.sync(() => loseReplies(true)),
      restore,
      gap,
      commands: Effect.sync(commands),
      tick: Effect.sync(tick),
      server: direct
    }).pipe(Context.add(RedisClient, redis))
  })
)
