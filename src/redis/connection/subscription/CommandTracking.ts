/**
 * Tracking over the connections that commands are sent on, for servers without BCAST. The server remembers the keys that a
 * connection has read, and pushes the change of each on that connection, once. So a key is heard of after it was read, and not
 * before it is read again. Pushes are a part of RESP3.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RedisArgument, RedisDriver } from "../../RedisConnection.js"
import type { RedisError } from "../../RedisError.js"
import type { ConnectionState } from "../../RedisStatus.js"

export interface CommandTracking {
  /** Whether the present connection can read pushes. */
  readonly readsPushes: () => boolean
  /** The number of the connection that takes commands, undefined while there is none, and again after each change. */
  readonly generations: Stream.Stream<number | undefined>
  /** Sends CLIENT TRACKING on the present connection. */
  readonly send: (mode: "ON" | "OFF") => Effect.Effect<void, RedisError>
  /** Hands each pushed key to this listener from now on, and the empty text where all keys were removed. */
  readonly listen: (listener: (key: string) => void) => void
}

/** What a listener hears of is pushed by the connections of a driver. */
interface PushedKeys extends Pick<CommandTracking, "readsPushes" | "listen"> {
  /** the same driver, whose connections are listened to */
  readonly driver: RedisDriver
}

export const pushedKeys = (driver: RedisDriver): PushedKeys => {
  let readsPushes = false
  let listener: (key: string) => void = () => {}
  return {
    readsPushes: () => readsPushes,
    listen: (to) => {
      listener = to
    },
    driver: {
      ...driver,
      // a getter, which changes
      get address() {
        return driver.address
      },
      connect: Effect.tap(driver.connect, ({ onInvalidation }) =>
        Effect.sync(() => {
          readsPushes = onInvalidation !== undefined
          onInvalidation?.((key) => listener(key))
        })
      )
    }
  }
}

export const make = (
  pushed: PushedKeys,
  connection: {
    readonly states: Stream.Stream<ConnectionState>
    readonly probe: (command: string, args: ReadonlyArray<RedisArgument>) => Effect.Effect<unknown, RedisError>
  }
): CommandTracking => ({
  readsPushes: pushed.readsPushes,
  listen: pushed.listen,
  generations: Stream.changes(
    Stream.map(connection.states, (state) => (state._tag === "Connected" ? state.generation : undefined))
  ),
  send: (mode) => Effect.asVoid(connection.probe("CLIENT", ["TRACKING", mode]))
})
