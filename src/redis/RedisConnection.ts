/**
 * The port that a driver implements: how to dial, and what one live connection can do. Supervision, timeouts, queues
 * and typed errors are not the driver's business; they stand above it and are the same for every driver.
 *
 * @since 0.1.0
 */
import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisAuthError, RedisConnectError, RedisError } from "./RedisError.js"

/**
 * What a command takes. Numbers are sent in their decimal form, bytes as they are.
 *
 * @since 0.1.0
 * @category models
 */
export type RedisArgument = string | number | Uint8Array

/**
 * What a server answers, as RESP3 delivers it: scores are numbers, an absent value is null.
 *
 * @since 0.1.0
 * @category models
 */
export type RedisReply =
  | null
  | string
  | number
  | boolean
  | ReadonlyArray<RedisReply>
  | { readonly [field: string]: RedisReply }

/**
 * Waits for the reply to a command. Its methods may send further commands, and never throw.
 *
 * @since 0.2.0
 * @category models
 */
export interface ReplyReceiver {
  readonly onReply: (reply: RedisReply | Uint8Array) => void
  readonly onFailure: (cause: unknown) => void
}

/**
 * One live connection. It never reconnects. When it ends, `closed` is completed and everything pending is
 * rejected; the next connection is a new value.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisConnection {
  /** Sends one command and returns at once; replies come in the order of the calls. May throw on bad arguments. */
  readonly send: (command: string, args: ReadonlyArray<RedisArgument>) => Promise<RedisReply>
  /** GET with the stored bytes as they are. */
  readonly sendBuffer: (key: string) => Promise<Uint8Array | null>
  /**
   * Like `send`, or like `sendBuffer` where `isBinary` is true, without a promise: calls one of two methods when the reply
   * arrives. Absent where a driver has promises only.
   *
   * @since 0.2.0
   */
  readonly request?:
    | ((command: string, args: ReadonlyArray<RedisArgument>, isBinary: boolean, receiver: ReplyReceiver) => void)
    | undefined
  /**
   * Sets the listener of changed keys that the server pushes on this connection once CLIENT TRACKING is on: each key, and the empty
   * text where all keys were removed. Absent where the connection cannot read what is pushed, as with RESP2.
   *
   * @since 0.2.0
   */
  readonly onInvalidation?: ((listener: (key: string) => void) => void) | undefined
  /** Bytes accepted by the driver that the socket has not taken yet. */
  readonly bufferedAmount: () => number
  /** Completed once, when the connection has ended for whatever reason. */
  readonly closed: Deferred.Deferred<void>
}

/**
 * The channel by which a server pushes changed keys to a connection that speaks RESP2.
 *
 * @since 0.2.0
 * @category constants
 */
export const trackingChannel = "__redis__:invalidate"

/**
 * A connection that listens to channels and does nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisSubscriberConnection {
  /** Names the connection for the server's CLIENT LIST. Called before the first `subscribe`, if at all. */
  readonly setName?: ((name: string) => Promise<unknown>) | undefined
  readonly subscribe: (channel: string, listener: (message: string) => void) => Promise<void>
  readonly unsubscribe: (channel: string) => Promise<void>
  /**
   * Makes the server push the keys with one of the prefixes, whenever one is changed, to the listener of `trackingChannel`: CLIENT
   * TRACKING in mode BCAST. Each key is a message, and the empty message says that all keys were removed. No prefix begins with
   * another one. Called once, before the first `subscribe`. Absent where the driver cannot read what is pushed.
   *
   * @since 0.2.0
   */
  readonly track?: ((prefixes: ReadonlyArray<string>) => Promise<unknown>) | undefined
  /**
   * Resolves or rejects when the server has answered PING, which may be sent while the connection listens. By it a connection that
   * tracks is found to be silent.
   *
   * @since 0.2.0
   */
  readonly ping?: (() => Promise<unknown>) | undefined
  readonly closed: Deferred.Deferred<void>
}

/**
 * How to reach a server. `connect` succeeds only when the server has answered a PING as the configured user, on the
 * configured database; closing the scope closes the connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisDriver {
  /**
   * Where it dials, or where its present connection leads, as a log may show it: without user and password. A topology changes
   * it.
   */
  readonly address?: string | undefined
  /** the index of the database that it selects: default 0 */
  readonly database?: number | undefined
  readonly connect: Effect.Effect<RedisConnection, RedisConnectError | RedisAuthError, Scope.Scope>
  readonly connectSubscriber: Effect.Effect<RedisSubscriberConnection, RedisConnectError | RedisAuthError, Scope.Scope>
  /**
   * Runs beside each connection of `connect`, and ends it with its failure: a topology hears that another server is the
   * primary now. Absent where one address is all there is.
   */
  readonly watch?: Effect.Effect<never, RedisConnectError> | undefined
  /** The typed error for whatever a `RedisConnection` of this driver rejects with or throws. */
  readonly toError: (command: string, cause: unknown) => RedisError
}
