/**
 * The owner of each key, so that no two parts of the toolkit ever share one. `docs/keys.md` lists all keys and says why they
 * are disjoint.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { reject } from "./ArgumentCheck.js"
import type { RedisClient } from "./RedisClient.js"
import type { InvalidArgument } from "./RedisError.js"
import * as RedisKey from "./RedisKey.js"

/** The prefixes of keys that the toolkit builds from names: locks, semaphores, limits. */
const heads = { lock: "locks", semaphore: "semaphores", ratelimit: "rate limits" } as const

const headOf = (key: string): keyof typeof heads | undefined => {
  const head = /^(lock|semaphore|ratelimit)(?::|$)/.exec(key)?.[1]
  return head === "lock" || head === "semaphore" || head === "ratelimit" ? head : undefined
}

/**
 * Builds `prefix:text` like `RedisKey.make`, but leaves the colons of the text as they are. It serves prefixes with keys of
 * one kind, and JSON, where a quotation mark stands before the first colon.
 *
 * @since 0.1.0
 * @category constructors
 */
export const under = (prefix: string, text: string): Either.Either<string, RedisKey.InvalidKey> => {
  // one test accepts most texts
  if (text.length > 0 && text.length * 3 <= RedisKey.maxIdBytes && !notable.test(text)) {
    return Either.right(`${prefix}:${text}`)
  }
  return Either.map(RedisKey.make(prefix, text), (key) => {
    const from = prefix.length + 1
    return key.length === from + text.length ? key : key.slice(0, from) + key.slice(from).replaceAll("%3A", ":")
  })
}

/** What `RedisKey.make` rejects or percent-encodes, except colons. */
const notable = /[\p{Cc}\p{Cs}{}%]/u

/**
 * Returns the name of the cache whose entry a key would be: the text before the last colon that precedes any quotation mark.
 * An id that is a text holds no colon. An id that is JSON holds none before its first quotation mark. A name holds no
 * quotation mark.
 *
 * @since 0.1.0
 * @category getters
 */
export const nameOf = (key: string): string => {
  const quote = key.indexOf('"')
  return key.slice(0, Math.max(key.lastIndexOf(":", quote === -1 ? key.length : quote), 0))
}

/**
 * Why a cache cannot have a name; undefined when it can.
 *
 * @since 0.1.0
 * @category getters
 */
export const nameProblem = (name: string): string | undefined => {
  if (name === "") return "is empty"
  if (!name.isWellFormed()) return "is not well-formed Unicode"
  if (/\p{Cc}/u.test(name)) return "holds a control character"
  if (/[{}"]/.test(name)) return "holds a brace or a quotation mark"
  const head = headOf(name)
  return head === undefined ? undefined : `begins with ${head}, as the keys of ${heads[head]} do`
}

// `{key}:word` belongs to `key`, as do `…{tag}…:ranked`, `…:arrivals` and `…:metadata` of a board that has its own hash tag
const derived =
  /^\{.*\}:(?:lease|clear|tags?|fence|released|waiting|window|bucket|counter|log|remote|ranked|arrivals|metadata)(?::|$)|\{.*:(?:ranked|arrivals|metadata)$|^\{[^{}]*\}$/s

/**
 * Whether a key belongs to another one: a lease, a marker, the state of a lock, a limit or a board.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDerived = (key: string): boolean => derived.test(key)

/** The caches that live on a client, and how many there are of each name. */
const live = new WeakMap<RedisClient.Service, Map<string, number>>()

/**
 * Whether a key is an entry of a cache that lives on the client.
 *
 * @since 0.1.0
 * @category guards
 */
export const isEntry = (client: RedisClient.Service, key: string): boolean =>
  live.get(client)?.has(nameOf(key)) === true

/**
 * Dies when no cache can have the name.
 *
 * @since 0.2.0
 * @category validation
 */
export const requireName = (name: string): Effect.Effect<void> => {
  const problem = nameProblem(name)
  return problem === undefined
    ? Effect.void
    : Effect.dieMessage(`no cache can have the name ${JSON.stringify(name)}, which ${problem}: choose another name`)
}

/**
 * Takes the keys of a cache for as long as the scope is open. Dies when no cache can have the name.
 *
 * @since 0.1.0
 * @category constructors
 */
export const claim = (client: RedisClient.Service, name: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.zipRight(
    requireName(name),
    Effect.acquireRelease(
      Effect.sync(() => {
        const names = live.get(client) ?? new Map<string, number>()
        live.set(client, names.set(name, (names.get(name) ?? 0) + 1))
        return names
      }),
      (names) =>
        Effect.sync(() => {
          const count = names.get(name) ?? 0
          if (count > 1) names.set(name, count - 1)
          else names.delete(name)
        })
    )
  )

/**
 * The prefixes of the modules whose callers choose the rest of a key.
 *
 * @since 0.2.0
 * @category models
 */
export type Prefix = "counters" | "leaderboard" | "presence" | "ratelimit"

/**
 * `prefix:name`, with the name as it is: it may hold colons and a hash tag. Fails with what is allowed
 * instead, when the toolkit cannot keep anything under that key.
 *
 * @since 0.2.0
 * @category constructors
 */
export const named = (client: RedisClient.Service, prefix: Prefix, name: string): Either.Either<string, string> => {
  if (name === "") return Either.left("a text that is not empty")
  if (!name.isWellFormed()) return Either.left("well-formed Unicode")
  const key = `${prefix}:${name}`
  if (key.includes("{") && isDerived(key))
    return Either.left("another text: the toolkit keeps a part of another key under this one")
  return isEntry(client, key)
    ? Either.left(`another text: ${key} is an entry of the cache ${nameOf(key)}`)
    : Either.right(key)
}

/**
 * The key in Redis of what a caller named. Fails when something else owns it. Each operation checks it, since caches of the
 * same client start and stop.
 *
 * @since 0.2.0
 * @category utils
 */
export const keyOf = (
  command: string,
  client: RedisClient.Service,
  prefix: Prefix,
  name: string
): Effect.Effect<string, InvalidArgument> =>
  Effect.suspend(() => {
    const key = named(client, prefix, name)
    return Either.isRight(key) ? Effect.succeed(key.right) : reject(command, "key", name, key.left)
  })
