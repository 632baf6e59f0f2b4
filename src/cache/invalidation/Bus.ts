/**
 * The channel on which the processes of one cache tell each other about invalidations and ended leases (rule 11 of
 * docs/protocol.md). Messages may be late or lost. A gap counts as an invalidation of everything.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisClient, SubscriptionEvent } from "../../redis/RedisClient.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as BusMessage from "./BusMessage.js"
import type { OutboxItem } from "./outage/Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BusOptions {
  readonly redis: RedisClient.Service
  /** the name of the cache */
  readonly name: string
  /** Another process has invalidated this. A message that was missed, or cannot be read, counts as a clear. */
  readonly onInvalidation: (item: OutboxItem) => void
}

/**
 * The texts that scripts publish.
 *
 * @since 0.1.0
 * @category models
 */
export interface BusMessages {
  /** the channel as the server knows it */
  readonly channel: string
  readonly invalidateMessage: (key: string) => string
  readonly tagMessage: (tag: string) => string
  readonly clearMessage: string
  readonly readyMessage: (key: string) => string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Bus extends BusMessages {
  /** Waits until a message says that the key's lease has ended. */
  readonly awaitLease: (key: string) => Effect.Effect<void>
}

/**
 * Listens as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: BusOptions): Effect.Effect<Bus, never, Scope.Scope> =>
  Effect.gen(function* () {
    const self = crypto.randomUUID()
    const isOwn = BusMessage.isFrom(self)
    const executor = RedisExecutor.of(options.redis)
    const channel = RedisExecutor.channelOf(executor, `effect-cache-toolkit:${options.name}`)
    const waiters = new Map<string, Set<() => void>>()

    const wake = (key: string) => {
      if (waiters.size > 0) for (const resume of waiters.get(key) ?? []) resume()
    }

    /** The message could have been any: everything is invalid, and every lease may have ended. */
    const assumeWorst = () => {
      options.onInvalidation({ _tag: "Clear" })
      for (const key of waiters.keys()) wake(key)
    }

    const onMessage = (message: BusMessage.BusMessage | undefined) => {
      if (message === undefined) return assumeWorst()
      const { from, key, kind } = message
      if (kind === "ready") {
        if (key !== undefined) wake(key)
      } else if (from !== self) {
        if (key === undefined || kind === "clear") {
          options.onInvalidation({ _tag: "Clear" })
        } else if (kind === "tag") {
          options.onInvalidation({ _tag: "Tag", tag: key })
        } else {
          options.onInvalidation({ _tag: "Key", key })
          wake(key)
        }
      }
    }

    const onEvent = (event: SubscriptionEvent) => {
      if (event._tag === "Gap") return assumeWorst()
      // most messages are this process's own, and matter only to its waiters; the messages of one text are of one process
      if (waiters.size > 0 || !isOwn(event.message)) BusMessage.forEach(event.message, onMessage)
    }

    yield* executor.listen(channel.name, onEvent).pipe(
      // without the right to the channel, only the local time to live bounds the age of local entries
      Effect.catchAll((error) =>
        error._tag === "RedisUnavailable" && error.reason === "Disabled"
          ? Effect.void
          : Effect.logWarning(
              `cache "${options.name}" receives no invalidations of other processes; ` +
                `only its local time to live bounds the age of local entries: ${error.message}`
            )
      ),
      Effect.interruptible,
      Effect.forkScoped
    )

    const messages = BusMessage.encoder(self)

    return {
      channel: channel.published,
      invalidateMessage: messages.key,
      tagMessage: messages.tag,
      clearMessage: messages.clear,
      readyMessage: messages.ready,
      awaitLease: (key) =>
        Effect.async<void>((resume) => {
          const onWake = () => {
            remove()
            resume(Effect.void)
          }
          const remove = () => {
            const present = waiters.get(key)
            present?.delete(onWake)
            if (present?.size === 0) waiters.delete(key)
          }
          const present = waiters.get(key)
          if (present === undefined) waiters.set(key, new Set([onWake]))
          else present.add(onWake)
          return Effect.sync(remove)
        })
    }
  })
