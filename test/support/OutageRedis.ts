/**
 * Redis in memory behind a connection that a test breaks as it likes: cut, hung, losing replies, back as another
 * generation. Each client has a connection of its own to the same server, as processes have.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as MemoryRedis from "../../src/redis/driver/MemoryRedis.js"
import type { RedisClient, SubscriptionEvent } from "../../src/redis/RedisClient.js"
import * as RedisCommands from "../../src/redis/RedisCommands.js"
import {
  RedisConnectError,
  RedisConnectionLost,
  type RedisError,
  RedisUnavailable
} from "../../src/redis/RedisError.js"
import type { RedisExecutor } from "../../src/redis/RedisExecutor.js"
import { type CircuitState, ConnectionState } from "../../src/redis/RedisStatus.js"

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

export interface Server {
  readonly connect: Effect.Effect<Connection, never, Scope.Scope>
  /** past every connection */
  readonly direct: RedisClient.Service
}

export const make: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const server = yield* MemoryRedis.makeExecutor()
  return { connect: connect(server), direct: RedisCommands.fromExecutor(server) }
})

const connect = (server: RedisExecutor): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    let generation = 1
    let failure: RedisError | undefined
    let losesReplies = false
    let isDeaf = false
    const held = new Map<string, Effect.Latch>()
    let commands = 0
    const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Connected({ generation }))
    const circuit = yield* SubscriptionRef.make<CircuitState>("Closed")
    const gaps = yield* PubSub.unbounded<"Gap">()

    const pass = <A>(command: string, call: Effect.Effect<A, RedisError>): Effect.Effect<A, RedisError> =>
      Effect.suspend(() => {
        commands++
        if (failure !== undefined) return Effect.fail(failure)
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
    const executor: RedisExecutor = {
      ...server,
      get: (key) => pass("GET", server.get(key)),
      getBuffer: (key) => pass("GET", server.getBuffer(key)),
      command: (command, args, options) => stamped(command, server.command(command, args, options)),
      script: (script, input) => stamped(script.name, server.script(script, input)),
      subscribe: (channel) =>
        Stream.merge(
          Stream.filter(server.subscribe(channel), () => !isDeaf && failure?._tag !== "RedisUnavailable"),
          Stream.map(
            Stream.fromPubSub(gaps),
            (): SubscriptionEvent => ({ _tag: "Gap", channel, reason: "Reconnected" })
          )
        ),
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
