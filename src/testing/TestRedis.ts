/**
 * Redis in memory behind a connection that a test breaks as it likes: cut, hung, losing replies, back as another
 * generation. Each client has a connection of its own to the same server, as processes have. It needs no time but that of
 * Effect's Clock, and works under a TestClock.
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
 * A client, and what a test does to its connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  readonly redis: RedisClient.Service
  /** From now on nothing is sent, and every call fails at once. */
  readonly cut: Effect.Effect<void>
  /** Back, as the next generation; messages of the meantime are lost. */
  readonly restore: Effect.Effect<void>
  /** Back, as the next generation, while the subscription has noticed nothing. */
  readonly reconnect: Effect.Effect<void>
  /** From now on every command fails with this error and is not applied; `restore` or undefined ends it. */
  readonly failWith: (error: RedisError | undefined) => void
  /** From now on this command, or the script of this name, fails with the error and is not applied; undefined ends it. */
  readonly refuse: (command: string, error: RedisError | undefined) => void
  /** From now on commands are applied and their replies are lost; `restore` or false ends it. */
  readonly loseReplies: (loses: boolean) => void
  /** From now on replies to this command, or to the script of this name, arrive only when the effect in it has run. */
  readonly holdReplies: (command: string) => Effect.Effect<void>
  /** From now on no message arrives; `restore` or false ends it. */
  readonly deafen: (isDeaf: boolean) => void
  /** The circuit breaker changes its state, on a connection that stands. */
  readonly circuit: (state: CircuitState) => Effect.Effect<void>
  /** The subscription tells of a gap. */
  readonly gap: Effect.Effect<void>
  /** commands tried so far, applied or not */
  readonly commands: () => number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Server {
  /** one client more */
  readonly connect: Effect.Effect<Connection, never, Scope.Scope>
  /** past every connection */
  readonly direct: RedisClient.Service
  /** Its clock goes ahead by a millisecond. */
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
    /** From now on nothing is sent, and every call fails at once with `RedisUnavailable`, reason `Disconnected`. */
    readonly cut: Effect.Effect<void>
    /** From now on every command fails with this error and is not applied. */
    readonly failWith: (error: RedisError) => Effect.Effect<void>
    /** From now on commands are applied, and fail with `RedisConnectionLost` all the same. */
    readonly loseReplies: Effect.Effect<void>
    /** Ends all of that, on a new connection; messages of the meantime are lost. */
    readonly restore: Effect.Effect<void>
    /** The subscriptions tell that they may have missed messages. */
    readonly gap: Effect.Effect<void>
    /** commands tried so far, applied or not */
    readonly commands: Effect.Effect<number>
    /**
     * The server's clock goes ahead by a millisecond, under a TestClock too: what is stored from now on is younger than
     * what it has said before.
     */
    readonly tick: Effect.Effect<void>
    /** past the connection: what other processes see and do */
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
    const refused = new Map<string, RedisError>()
    let commands = 0
    const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Connected({ generation }))
    const circuit = yield* SubscriptionRef.make<CircuitState>("Closed")
    const gaps = yield* PubSub.unbounded<"Gap">()

    const pass = <A>(command: string, call: Effect.Effect<A, RedisError>): Effect.Effect<A, RedisError> =>
      Effect.suspend(() => {
        commands++
        const error = failure ?? refused.get(command)
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
      refuse: (command, error) => {
        if (error === undefined) refused.delete(command)
        else refused.set(command, error)
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
 * A client in memory, and the connection under it for a test to break. Every build of the layer has a server of its own;
 * what is built together shares one.
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
