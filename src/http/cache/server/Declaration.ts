/**
 * What a route or its handler declares of its response.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as OptionCheck from "../../../internal/input/OptionCheck.js"

/**
 * How long a response is stored, and how it is invalidated. It counts for responses of a status below 400 that have no
 * `Cache-Control` of their own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Declaration {
  /** how long this cache answers with the response: default not at all */
  readonly timeToLive?: Duration.DurationInput | undefined
  /** how long it is served past that while it is revalidated (RFC 5861): default `stale.whileRevalidate` of the cache */
  readonly staleWhileRevalidate?: Duration.DurationInput | undefined
  /** how long it is served past that when the handler fails (RFC 5861): default `stale.ifError` of the cache */
  readonly staleIfError?: Duration.DurationInput | undefined
  /**
   * How long clients and proxies may use it without a request: default zero. An invalidation does not reach them. They
   * revalidate by the `ETag`, which costs no content.
   */
  readonly clientTimeToLive?: Duration.DurationInput | undefined
  /** the tags by which `invalidateTag` invalidates the response: default none */
  readonly tags?: ReadonlyArray<string> | undefined
}

/** What a request collects while its handler runs. */
interface Collected {
  declaration: Declaration
  readonly tags: Array<string>
}

/**
 * The declarations of the request that a cache runs a handler for.
 *
 * @since 0.2.0
 * @category services
 */
export class Declarations extends Context.Tag("effect-cache-toolkit/ResponseCache/Declarations")<
  Declarations,
  Collected
>() {}

/**
 * @since 0.2.0
 * @category constructors
 */
export const collect = (declaration: Declaration): Collected => ({
  declaration,
  tags: [...(declaration.tags ?? [])]
})

/**
 * Throws an `InvalidOption` for a duration that cannot be right, and for an empty tag.
 *
 * @since 0.2.0
 * @category validation
 */
export const check = (owner: string, declaration: Declaration): void => {
  const { duration, reject } = OptionCheck.make(owner)
  duration("timeToLive", declaration.timeToLive)
  duration("staleWhileRevalidate", declaration.staleWhileRevalidate)
  duration("staleIfError", declaration.staleIfError)
  duration("clientTimeToLive", declaration.clientTimeToLive)
  if (declaration.tags?.includes("") === true) reject("tags", "", "texts that are not empty")
}

const seconds = (given: Duration.DurationInput): number => Math.floor(Duration.toSeconds(given))

/**
 * The directives that this cache obeys; undefined where nothing is declared.
 *
 * @since 0.2.0
 * @category encoding
 */
export const cacheControl = (declaration: Declaration): string | undefined => {
  const { staleIfError, staleWhileRevalidate, timeToLive } = declaration
  if (timeToLive === undefined) return undefined
  return [
    `max-age=${seconds(timeToLive)}`,
    ...(staleWhileRevalidate === undefined ? [] : [`stale-while-revalidate=${seconds(staleWhileRevalidate)}`]),
    ...(staleIfError === undefined ? [] : [`stale-if-error=${seconds(staleIfError)}`])
  ].join(", ")
}

/**
 * The `Cache-Control` that clients get with a declared response.
 *
 * @since 0.2.0
 * @category encoding
 */
export const clientCacheControl = ({ clientTimeToLive = 0 }: Declaration, isShared: boolean): string => {
  const maxAge = seconds(clientTimeToLive)
  const directives = maxAge === 0 ? "max-age=0, must-revalidate" : `max-age=${maxAge}`
  return isShared ? directives : `private, ${directives}`
}

/**
 * Adds a declaration to those of the request. Its times take precedence, and its tags are added.
 *
 * @since 0.2.0
 * @category combinators
 */
export const add = (collected: Declarations["Type"], declaration: Declaration): void => {
  collected.declaration = { ...collected.declaration, ...declaration }
  collected.tags.push(...(declaration.tags ?? []))
}
