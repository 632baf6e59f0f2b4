/**
 * The operations that a `RedisClient` is made of. `RedisCommands.fromExecutor` builds every typed command on them, so that a
 * client of another kind is a small executor. The supervised connection to a server is one, the keyspace in memory another.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as ReplyShape from "./commands/ReplyShape.js"
import * as ScriptReply from "./commands/ScriptReply.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { RedisError } from "./RedisError.js"
import type { RedisScript } from "./RedisScript.js"
import type { CircuitState, ConnectionState, RedisStatus } from "./RedisStatus.js"

/**
 * The symbol under which a client holds its executor.
 *
 * @since 0.2.0
 * @category symbols
 */
export const ExecutorTypeId: unique symbol = Symbol.for("effect-cache-toolkit/RedisExecutor")

/**
 * @since 0.2.0
 * @category symbols
 */
export type ExecutorTypeId = typeof ExecutorTypeId

/**
 * A value with the number of the connection that it came from.
 *
 * @since 0.1.0
 * @category models
 */
export interface WithGeneration<out A> {
  readonly value: A
  readonly generation: number
}

/**
 * What a subscription delivers: a message, or the notice that messages may have been lost since the last element. The
 * reasons are a new connection, missed beats, and a consumer too slow for its buffer.
 *
 * @since 0.1.0
 * @category models
 */
export type SubscriptionEvent =
  | { readonly _tag: "Message"; readonly channel: string; readonly message: string }
  | {
      readonly _tag: "Gap"
      readonly channel: string
      readonly reason: "Connected" | "Reconnected" | "MissedBeats" | "SlowConsumer"
    }

/**
 * Whether changes of keys are heard.
 *
 * - `Active`: each change is heard, on every server: of `AllKeys`, or of `ReadKeys`, which this client has read since they last
 *   changed, where the server can push no others
 * - `Connecting`: there is no connection yet, or one was lost and is dialled again
 * - `Refused`: driver, server or rights do not allow it. It is tried again now and then
 *
 * @since 0.2.0
 * @category models
 */
export type TrackingState =
  | { readonly _tag: "Active"; readonly heard: "AllKeys" | "ReadKeys" }
  | { readonly _tag: "Connecting" }
  | {
      readonly _tag: "Refused"
      readonly reason: string
      /** what to do */
      readonly remedy: string
    }

/**
 * What `track` tells: a key was changed, expired or removed; all keys were removed; changes may have been missed; or changes are
 * heard from now on, or are not.
 *
 * @since 0.2.0
 * @category models
 */
export type TrackingEvent =
  | { readonly _tag: "Key"; readonly key: string }
  | { readonly _tag: "Flush" }
  | { readonly _tag: "Gap" }
  | { readonly _tag: "State"; readonly state: TrackingState }

/**
 * Receives a reply with its generation, or the failure.
 *
 * @since 0.2.0
 * @category models
 */
export type OnReply<in A> = (reply: Exit.Exit<WithGeneration<A>, RedisError>) => void

/**
 * Keys, channels and arguments of commands are well-formed Unicode when they arrive: `RedisCommands` checks them. Only `get`
 * and `getBuffer` check their key themselves, since nothing stands between them and the caller. The author of a script
 * checks its keys and arguments.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisExecutor {
  /**
   * Reads the text under a key: none when the key is missing or holds another type. A key with a lone surrogate fails
   * with `InvalidArgument`.
   */
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
  /** Like `get`, for the stored bytes. */
  readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
  /** Sends one command. An error reply is a failure. */
  readonly command: (
    command: string,
    args: ReadonlyArray<RedisArgument>,
    options: { readonly idempotent: boolean }
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /**
   * Sends one MGET and calls `onReply` with its undecoded reply. For code that already batches: no fiber is suspended, and
   * nothing is repeated. `keys` is called when the command is sent, and never for a command that is not sent. The caller
   * bounds their number.
   */
  readonly unsafeMget: (keys: () => ReadonlyArray<string>, onReply: OnReply<RedisReply>) => void
  /** Runs a script. Its reply is not decoded. */
  readonly script: <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /**
   * Like `script`, but calls `onReply` instead of suspending a fiber: in the turn of the reply, or at once when the command
   * is rejected. Scripts are sent in the order of their calls and never repeated.
   */
  readonly unsafeScript: <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input,
    onReply: OnReply<RedisReply>
  ) => void
  readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
  /**
   * Like `subscribe`, but calls `onEvent` in the turn in which an event arrives, for as long as the effect runs. No buffer
   * can overflow. `onEvent` must return at once, since other subscriptions wait for it; what it throws is the effect's
   * defect.
   */
  readonly listen: (channel: string, onEvent: (event: SubscriptionEvent) => void) => Effect.Effect<never, RedisError>
  /**
   * Calls `onEvent` with every change of a key that begins with `prefix`, for as long as the effect runs: those
   * of this process too, and those of other databases with the same key. The first event is the state. Each new connection begins
   * with a gap. `onEvent` must return at once. Fails with `RedisUnavailable`, reason `Disabled`, when the client is closed. Absent
   * where no change can be heard.
   *
   * @since 0.2.0
   */
  readonly track?:
    | ((prefix: string, onEvent: (event: TrackingEvent) => void) => Effect.Effect<never, RedisError>)
    | undefined
  /** By how many milliseconds the server's clock is ahead of `MonotonicClock.unsafeMillis`, as last measured. */
  readonly clockOffsetMillis: () => number
  readonly getStatus: Effect.Effect<RedisStatus>
  readonly statusChanges: Stream.Stream<ConnectionState>
  readonly circuitChanges: Stream.Stream<CircuitState>
  /** The servers, where there are several. An executor without this field has one. */
  readonly nodes?: RedisNodes | undefined
  /** What the executor puts before every key, channel and pattern. An executor without this field puts nothing there. */
  readonly keyPrefix?: string | undefined
  /** The index of the database: default 0 */
  readonly database?: number | undefined
  /** How long a command may take, in milliseconds; absent where nothing bounds it */
  readonly commandTimeoutMillis?: number | undefined
  readonly close: Effect.Effect<void>
}

/**
 * One server of an executor.
 *
 * @since 0.2.0
 * @category models
 */
export interface RedisNode
  extends Pick<RedisExecutor, "command" | "clockOffsetMillis" | "getStatus" | "statusChanges" | "circuitChanges"> {
  /** The number of this server. No other server of the executor has it, at any time. */
  readonly id: number
}

/**
 * The servers of an executor, and which of them holds a key.
 *
 * @since 0.2.0
 * @category models
 */
export interface RedisNodes {
  /** The server that holds a key at this moment. */
  readonly of: (key: string) => RedisNode
  /** The number of the move by which the key came to its server; 0 where it has been there from the start. */
  readonly moveOf: (key: string) => number
  /** The number of moves so far. */
  readonly moves: () => number
  readonly current: () => ReadonlyArray<RedisNode>
  /** The servers now, and again when one has come, gone, or got keys of another. */
  readonly changes: Stream.Stream<ReadonlyArray<RedisNode>>
}

/**
 * Returns the servers of an executor.
 *
 * @since 0.2.0
 * @category getters
 */
export const nodesOf = (executor: RedisExecutor): RedisNodes => {
  if (executor.nodes !== undefined) return executor.nodes
  const { circuitChanges, clockOffsetMillis, command, getStatus, statusChanges } = executor
  const node: RedisNode = { id: 1, command, clockOffsetMillis, getStatus, statusChanges, circuitChanges }
  const none = () => 0
  return { of: () => node, moveOf: none, moves: none, current: () => [node], changes: Stream.make([node]) }
}

/**
 * A channel of the toolkit's own.
 *
 * @since 0.2.0
 * @category models
 */
export interface OwnChannel {
  /** for `subscribe` and `listen` */
  readonly name: string
  /** for a script that publishes: the channel as the server knows it */
  readonly published: string
}

/**
 * Builds the channel that is called `name`. The servers' Pub/Sub ignores the database, so that the index of another one than 0
 * is a part of the channel, in braces, which no name of the toolkit ends with.
 *
 * @since 0.2.0
 * @category constructors
 */
export const channelOf = (
  { database = 0, keyPrefix = "" }: Pick<RedisExecutor, "database" | "keyPrefix">,
  name: string
): OwnChannel => {
  const own = database === 0 ? name : `${name}{${database}}`
  return { name: own, published: keyPrefix + own }
}

/**
 * Returns the executor of a client. A copy of a client whose commands are replaced still has the executor of the original.
 *
 * @since 0.2.0
 * @category getters
 */
export const of = (client: { readonly [ExecutorTypeId]: RedisExecutor }): RedisExecutor => client[ExecutorTypeId]

/**
 * Derives the callback operations of an executor from those that are effects. Scripts run in the order of their calls.
 * `keys` is called at the end of the current microtask queue, also for a read that then fails.
 *
 * @since 0.2.0
 * @category constructors
 */
export const callbacksFrom = ({
  command,
  script,
  subscribe
}: Pick<RedisExecutor, "command" | "script" | "subscribe">): Effect.Effect<
  Pick<RedisExecutor, "unsafeMget" | "unsafeScript" | "listen">
> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const fork = Runtime.runFork(runtime)
    return {
      unsafeMget: (keys, onReply) =>
        queueMicrotask(() => fork(command("MGET", keys(), { idempotent: true })).addObserver(onReply)),
      unsafeScript: (which, input, onReply) => fork(script(which, input)).addObserver(onReply),
      listen: (channel, onEvent) =>
        Effect.zipRight(
          Stream.runForEach(subscribe(channel), (event) => Effect.sync(() => onEvent(event))),
          Effect.never
        )
    }
  })

/**
 * Reads texts by `unsafeMget`. A key that is missing or holds another type is undefined.
 *
 * @since 0.2.0
 * @category execution
 */
export const unsafeReadTexts = (
  executor: RedisExecutor,
  keys: () => ReadonlyArray<string>,
  onReply: OnReply<ReadonlyArray<string | undefined>>
): void => {
  let sent: ReadonlyArray<string> = []
  executor.unsafeMget(
    () => {
      sent = keys()
      return sent
    },
    (reply) =>
      onReply(
        Exit.flatMap(reply, ({ generation, value }) =>
          Exit.map(ReplyShape.texts(value, sent), (texts) => ({ value: texts, generation }))
        )
      )
  )
}

/**
 * Runs a script by `unsafeScript` and decodes its reply.
 *
 * @since 0.2.0
 * @category execution
 */
export const unsafeRun = <Input, Output>(
  executor: RedisExecutor,
  script: RedisScript<Input, Output>,
  input: Input,
  onReply: OnReply<Output>
): void =>
  executor.unsafeScript(script, input, (reply) =>
    onReply(Exit.isSuccess(reply) ? ScriptReply.decode(script, reply.value) : Exit.failCause(reply.cause))
  )

/**
 * Runs a script and decodes its reply, with the generation that answered. Repeated after an unknown outcome only when the
 * script is declared idempotent.
 *
 * @since 0.2.0
 * @category execution
 */
export const runWithGeneration = <Input, Output>(
  executor: RedisExecutor,
  script: RedisScript<Input, Output>,
  input: Input
): Effect.Effect<WithGeneration<Output>, RedisError> =>
  Effect.flatMap(executor.script(script, input), (reply) => ScriptReply.decode(script, reply))
