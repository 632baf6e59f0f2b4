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
  readonly tier: Pick<LocalTier<A>, "keep" | "remember" | "start">
  readonly epochOf: LocalInvalidation["epochOf"]
  readonly guard: Pick<ReadGuard, "isUsable">
}

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
    private readonly key: CacheKey
  ) {
    const { at, epoch } = context.tier.start(key)
    this.at = at
    this.epoch = epoch
  }

  /** Runs what moves the key's epoch for this write. Any other move is of another write, a message or an outage. */
  move(moveEpoch: () => void) {
    const { epochOf } = this.context
    if (epochOf(this.key.text) !== this.epoch) this.isOvertaken = true
    moveEpoch()
    this.epoch = epochOf(this.key.text)
  }

  /** Keeps the stored value, in the step in which the epoch has moved for the end of the write. */
  keep(entry: CacheEntry<A>, text: string, generation: number) {
    const { guard, tier } = this.context
    if (this.isOvertaken || !guard.isUsable(generation, this.key.text)) return
    tier.keep(this.key, entry, { at: this.at, epoch: this.epoch }, text)
  }

  /** Remembers a value that Redis has not stored, in the same step: for an outage in which it cannot be looked up either. */
  remember(entry: CacheEntry<A>, text: string) {
    if (this.isOvertaken) return
    this.context.tier.remember(this.key, entry, { at: this.at, epoch: this.epoch }, text)
  }
}
