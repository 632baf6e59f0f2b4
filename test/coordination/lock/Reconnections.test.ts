/** Many leases that hear of new connections on one subscription. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/TestClock"
import * as Reconnections from "../../../src/coordination/lock/Reconnections.js"
import * as SharedFibers from "../../../src/internal/effect/SharedFibers.js"
import { ConnectionState } from "../../../src/redis/RedisStatus.js"
import { settle } from "../../support/until.js"

/** A client's states, and how many listen to them. */
const world = Effect.gen(function* () {
  const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Connected({ generation: 1 }))
  const subscriptions = { begun: 0, running: 0 }
  const counted = Effect.acquireRelease(
    Effect.sync(() => {
      subscriptions.begun++
      subscriptions.running++
    }),
    () => Effect.sync(() => subscriptions.running--)
  )
  const become = (next: ConnectionState) => Effect.zipRight(SubscriptionRef.set(state, next), settle)
  return {
    subscriptions,
    reconnections: Reconnections.make(Stream.unwrapScoped(Effect.as(counted, state.changes)), yield* SharedFibers.fork),
    disconnect: become(ConnectionState.Connecting()),
    connect: (generation: number) => become(ConnectionState.Connected({ generation }))
  }
})

describe("a listener to reconnections", () => {
  it.effect("runs after every new connection until its scope ends, on one subscription for all listeners", () =>
    Effect.gen(function* () {
      const { connect, disconnect, reconnections, subscriptions } = yield* world
      const heard = [0, 0, 0]
      const scopes = yield* Effect.forEach(heard, (_, i) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          yield* reconnections.listen(
            Effect.sync(() => (heard[i] = (heard[i] ?? 0) + 1)),
            scope
          )
          yield* settle
          return scope
        })
      )
      expect(heard).toEqual([0, 0, 0])
      yield* disconnect
      expect(heard).toEqual([0, 0, 0])
      yield* connect(2)
      expect(heard).toEqual([1, 1, 1])
      for (const scope of scopes.slice(0, 1)) yield* Scope.close(scope, Exit.void)
      yield* disconnect
      yield* connect(3)
      expect(heard).toEqual([1, 2, 2])
      expect(subscriptions).toEqual({ begun: 1, running: 1 })
    })
  )

  it.effect("never runs when its scope has closed, and keeps no subscription", () =>
    Effect.gen(function* () {
      const { connect, reconnections, subscriptions } = yield* world
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      let heard = 0
      yield* reconnections.listen(
        Effect.sync(() => heard++),
        scope
      )
      yield* settle
      yield* connect(2)
      expect(heard).toBe(0)
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect(subscriptions.running).toBe(0)
    })
  )

  it.effect("finds the subscription of an earlier listener, which ends when none follows", () =>
    Effect.gen(function* () {
      const { reconnections, subscriptions } = yield* world
      const listening = Effect.flatMap(Effect.scope, (scope) => reconnections.listen(Effect.void, scope))
      const brief = Effect.zipRight(Effect.scoped(listening), settle)
      for (let second = 0; second < 10; second++) {
        yield* brief
        yield* TestClock.adjust("1 second")
        yield* settle
      }
      expect(subscriptions).toEqual({ begun: 1, running: 1 })
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect(subscriptions).toEqual({ begun: 1, running: 0 })

      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* listening
          yield* settle
          yield* TestClock.adjust("1 minute")
          yield* settle
          expect(subscriptions).toEqual({ begun: 2, running: 1 })
        })
      )
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect(subscriptions).toEqual({ begun: 2, running: 0 })
    })
  )
})
