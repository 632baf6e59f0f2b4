/**
 * What the processes of one cache tell each other, over one channel: that a key, a tag or everything was invalidated, and
 * that a lease has ended (rule 11 of docs/protocol.md). Messages may be late or lost; a gap counts as the worst of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { RedisClient, SubscriptionEvent } from "../../redis/RedisClient.js"
import type { OutboxItem } from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BusOptions {
  readonly redis: RedisClient.Service
  /** names the cache */
  readonly name: string
  /** another process has invalidated a key, what has a tag, or everything; or something that was not heard, as everything */
  readonly onInvalidation: (item: OutboxItem) => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Bus {
  readonly channel: string
  readonly invalidateMessage: (key: string) => string
  readonly tagMessage: (tag: string) => string
  readonly clearMessage: string
  readonly readyMessage: (key: string) => string
  /** Waits until someone says that the key's lease has ended. */
  readonly awaitLease: (key: string) => Effect.Effect<void>
}

const Message = Schema.parseJson(
  Schema.Struct({
    from: Schema.String,
    kind: Schema.Literal("key", "ready", "tag", "clear"),
    /** or tag */
    key: Schema.optional(Schema.String)
  })
)

const decodeMessage = Schema.decodeUnknownEither(Message)

/**
 * Listens as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: BusOptions): Effect.Effect<Bus, never, Scope.Scope> =>
  Effect.gen(function* () {
    const self = crypto.randomUUID()
    const channel = `effect-cache-toolkit:${options.name}`
    const ownHead = `{"from":"${self}"`
    const sleepers = new Map<string, Set<() => void>>()

    const message = (kind: "key" | "ready" | "tag" | "clear", key?: string) => JSON.stringify({ from: self, kind, key })

    const wake = (key: string) => {
      for (const resume of sleepers.get(key) ?? []) resume()
    }

    const supposeAnything = () => {
      options.onInvalidation({ _tag: "Clear" })
      for (const key of sleepers.keys()) wake(key)
    }

    const hear = (event: SubscriptionEvent) => {
      if (event._tag === "Gap") return supposeAnything()
      // most of what is heard is one's own, and concerns only who waits here
      if (sleepers.size === 0 && event.message.startsWith(ownHead)) return
      const decoded = decodeMessage(event.message)
      // whoever sent this speaks another version: take it for the worst that it may mean
      if (Either.isLeft(decoded)) return supposeAnything()
      const { from, key, kind } = decoded.right
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

    yield* options.redis.listen(channel, hear).pipe(
      // a user without the right to the channel is bounded by the local time to live alone
      Effect.catchAll((error) =>
        error._tag === "RedisUnavailable" && error.reason === "Disabled"
          ? Effect.void
          : Effect.logWarning(`cache ${options.name} hears no other process: ${error.message}`)
      ),
      Effect.interruptible,
      Effect.forkScoped
    )

    return {
      channel,
      invalidateMessage: (key) => message("key", key),
      tagMessage: (tag) => message("tag", tag),
      clearMessage: message("clear"),
      readyMessage: (key) => message("ready", key),
      awaitLease: (key) =>
        Effect.async<void>((resume) => {
          const woken = () => {
            leave()
            resume(Effect.void)
          }
          const leave = () => {
            const present = sleepers.get(key)
            present?.delete(woken)
            if (present?.size === 0) sleepers.delete(key)
          }
          const present = sleepers.get(key)
          if (present === undefined) sleepers.set(key, new Set([woken]))
          else present.add(woken)
          return Effect.sync(leave)
        })
    }
  })
