/**
 * The executor over one server: a supervised connection, scripts and subscriptions, put together.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as PrefixedExecutor from "../prefix/PrefixedExecutor.js"
import type { RedisDriver } from "../RedisConnection.js"
import type { RedisExecutor } from "../RedisExecutor.js"
import * as ClientOptions from "./ClientOptions.js"
import * as ScriptRunner from "./ScriptRunner.js"
import * as SupervisedConnection from "./SupervisedConnection.js"
import * as Subscriber from "./subscription/Subscriber.js"

export type {
  /**
   * The options of a client. The defaults suit a cache in the same data centre as its application.
   *
   * @since 0.1.0
   * @category models
   */
  ClientOptions
} from "./ClientOptions.js"

/**
 * Builds the executor and returns when the first dial has ended, whether it succeeded or not. An option that cannot be right
 * is a defect that names it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  driver: RedisDriver,
  options: ClientOptions.ClientOptions = {}
): Effect.Effect<RedisExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = ClientOptions.of(options)
    const subscriber = yield* Subscriber.make(driver, {
      ...settings,
      beatInterval: settings.heartbeatInterval,
      bufferCapacity: settings.subscriptionBuffer,
      isConnected: Effect.sync(() => supervisor.currentState()._tag === "Connected"),
      publish: (channel, message) =>
        Effect.map(queue.probe("PUBLISH", [channel, message]), ({ value }) => Number(value))
    })
    const connection: SupervisedConnection.SupervisedConnection = yield* SupervisedConnection.make(driver, settings, {
      moved: subscriber.redial
    })
    const { breaker, queue, supervisor, tracker } = connection

    const executor: RedisExecutor = {
      database: driver.database,
      commandTimeoutMillis: Duration.toMillis(settings.commandTimeout),
      get: queue.get,
      getBuffer: queue.getBuffer,
      command: queue.command,
      unsafeMget: (keys, answered) => queue.late("MGET", keys, answered),
      ...ScriptRunner.make(queue),
      subscribe: subscriber.subscribe,
      listen: subscriber.listen,
      track: tracker.track,
      clockOffsetMillis: supervisor.clockOffsetMillis,
      getStatus: connection.getStatus,
      statusChanges: supervisor.changes,
      circuitChanges: breaker.changes,
      close: Effect.all([supervisor.close, subscriber.close, tracker.close], { discard: true })
    }
    return PrefixedExecutor.make(executor, options.keyPrefix)
  })
