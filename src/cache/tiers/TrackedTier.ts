/**
 * The local tier of a cache with `local.tracking`, for what keeps values that this process has looked up or written.
 *
 * A server without BCAST pushes the change of a key only to a connection that has read it since its last change. A value that was
 * not read from Redis would be outdated unheard. So it is not kept there: the next read fetches it, and keeps it.
 *
 * @since 0.2.0
 */
import * as Exit from "effect/Exit"
import type { LocalTier } from "./LocalTier.js"

/**
 * @since 0.2.0
 * @category constructors
 */
export const ofUnread = <A>(
  local: LocalTier<A>,
  areOnlyReadsHeard: () => boolean
): Pick<LocalTier<A>, "isEnabled" | "keep" | "keepLoaded" | "start" | "remember"> => {
  /** The value that it was to replace is older. */
  const drop = (key: string) => local.drop({ _tag: "Key", key })
  return {
    isEnabled: local.isEnabled,
    start: local.start,
    remember: local.remember,
    keep: (key, entry, started, text) => (areOnlyReadsHeard() ? drop(key.text) : local.keep(key, entry, started, text)),
    keepLoaded: (key, entry, started, text) => {
      if (!areOnlyReadsHeard()) return local.keepLoaded(key, entry, started, text)
      drop(key.text)
      return Exit.void
    }
  }
}
