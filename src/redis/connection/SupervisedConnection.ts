/**
 * One supervised connection to one server: its queue, its circuit breaker and its supervisor, put together.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Observed from "../../internal/Observed.js"
import type { RedisDriver } from "../RedisConnection.js"
import type { RedisStatus } from "../RedisStatus.js"
import * as CircuitBreaker from "./CircuitBreaker.js"
import type { ClientSettings } from "./ClientOptions.js"
import { type ObservedConnection, observedConnections, unnamed } from "./ObservedConnections.js"
import * as CommandQueue from "./queue/CommandQueue.js"
import * as Supervisor from "./Supervisor.js"
import * as CommandTracking from "./subscription/CommandTracking.js"
import * as Tracker from "./subscription/Tracker.js"

export interface SupervisedConnection {
  readonly queue: CommandQueue.CommandQueue
  readonly breaker: CircuitBreaker.CircuitBreaker
  readonly supervisor: Supervisor.Supervisor
  readonly tracker: Tracker.Tracker
  readonly getStatus: Effect.Effect<RedisStatus>
}

/** Returns when the first dial has ended, whether it succeeded or not. */
export const make = (
  driver: RedisDriver,
  settings: ClientSettings,
  supervision: Pick<Supervisor.SupervisorOptions, "moved" | "nextGeneration">
): Effect.Effect<SupervisedConnection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = () => driver.address ?? unnamed
    const breaker: CircuitBreaker.CircuitBreaker = yield* CircuitBreaker.make(
      // a user without the right to PING is answered all the same
      Effect.suspend(() =>
        Effect.match(queue.probe("PING", []), {
          onSuccess: () => true,
          onFailure: (error) => error._tag === "RedisAuthError"
        })
      ),
      settings.circuitBreaker
    )
    const queue: CommandQueue.CommandQueue = yield* CommandQueue.make(
      {
        ...settings,
        toError: (command, cause) => supervisor.noticed(driver.toError(command, cause)),
        address
      },
      breaker
    )
    const pushed = CommandTracking.pushedKeys(driver)
    const supervisor: Supervisor.Supervisor = yield* Supervisor.make(pushed.driver, queue, breaker, {
      ...settings,
      ...supervision,
      moved: Effect.suspend(() => Effect.zipRight(supervision.moved, tracker.redial))
    })
    const tracker: Tracker.Tracker = yield* Tracker.make(driver, {
      ...settings,
      isConnected: Effect.sync(() => supervisor.currentState()._tag === "Connected"),
      commands: CommandTracking.make(pushed, { states: supervisor.changes, probe: queue.probe })
    })
    const observed: ObservedConnection = {
      address,
      state: () => supervisor.currentState()._tag,
      circuit: breaker.state,
      circuitOpenings: breaker.openings,
      inFlight: queue.inFlight,
      waiting: queue.waiting
    }
    yield* Observed.add(observedConnections, observed, (listener, connection) => listener.onEnd(connection))
    return {
      queue,
      breaker,
      supervisor,
      tracker,
      getStatus: Effect.map(SubscriptionRef.get(supervisor.state), (state) => ({
        state,
        connected: state._tag === "Connected",
        circuit: breaker.state(),
        inFlight: queue.inFlight(),
        waiting: queue.waiting(),
        ...supervisor.facts()
      }))
    }
  })
