/**
 * A set or an update whose value the local tier of this process may keep, once Redis has stored it (rules 7 and 8 of
 * docs/protocol.md).
 *
 * @since 0.2.0
 */
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { ReadGuard } from "../invalidation/ReadGuard.js"
import type { LocalTier } from "../tiers/LocalTier.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface LocalWriteContext<A> {
  /** the sets that wait for their replies, by their keys, in the order in which they were sent */
  readonly sets: Map<string, Array<LocalWrite<A>>>
  readonly tier: Pick<LocalTier<A>, "keep" | "remember" | "start">
  readonly epochOf: LocalInvalidation["epochOf"]
  readonly guard: Pick<ReadGuard, "isUsable">
}

const none: ReadonlyArray<never> = []

/**
 * Starts with the write: before its token is placed, or it is sent.
 *
 * @since 0.2.0
 * @category models
 */
export class LocalWrite<A> {
  /** when the local time of the value begins, by the monotonic clock in milliseconds */
  private readonly at: number
  private epoch: number
  private isOvertaken = false

  constructor(
    private readonly context: LocalWriteContext<A>,
    private readonly key: CacheKey,
    private readonly isSet: boolean
  ) {
    const { at, epoch } = context.tier.start(key)
    this.at = at
    this.epoch = epoch
    if (!isSet) return
    const sets = context.sets.get(key.text)
    if (sets === undefined) context.sets.set(key.text, [this])
    else sets.push(this)
  }

  /**
   * Ends the write: `moveEpoch` moves the key's epoch for it. Any other move is of another write, a message or an outage. `generation`
   * is that of the reply, and undefined where Redis has not stored the value. A set that was sent later is not overtaken by
   * this one. Answers whether the value may be kept.
   */
  end(moveEpoch: () => void, generation: number | undefined): boolean {
    const { epochOf, guard } = this.context
    const key = this.key.text
    const before = this.epoch
    this.isOvertaken = epochOf(key) !== before
    const later = this.isSet ? this.remove() : none
    moveEpoch()
    this.epoch = epochOf(key)
    const isKept = !this.isOvertaken && generation !== undefined && guard.isUsable(generation, key)
    if (isKept) for (const set of later) if (set.epoch === before) set.epoch = this.epoch
    return isKept
  }

  /** Keeps a stored value, in the step in which the write has ended. */
  keep(entry: CacheEntry<A>, text: string) {
    this.context.tier.keep(this.key, entry, { at: this.at, epoch: this.epoch }, text)
  }

  /** Remembers a value that Redis has not stored, in the same step: for an outage in which it cannot be looked up either. */
  remember(entry: CacheEntry<A>, text: string) {
    if (this.isOvertaken) return
    this.context.tier.remember(this.key, entry, { at: this.at, epoch: this.epoch }, text)
  }

  /** Answers the sets of the key that were sent later. */
  private remove(): ReadonlyArray<LocalWrite<A>> {
    const { sets } = this.context
    const sent = sets.get(this.key.text) ?? []
    const later = sent.slice(sent.indexOf(this) + 1)
    if (sent.length > 1) sent.splice(sent.indexOf(this), 1)
    else sets.delete(this.key.text)
    return later
  }
}
