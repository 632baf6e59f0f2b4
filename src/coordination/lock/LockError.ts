/**
 * The errors of locks and semaphores.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The lock, or every permit of the semaphore, was held for longer than `maxWait`.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockNotAcquired extends Schema.TaggedError<LockNotAcquired>()("LockNotAcquired", {
  /** the key as the caller named it */
  key: Schema.String
}) {
  override get message(): string {
    return `the lock "${this.key}" is held by another caller: retry later, or raise maxWait`
  }
}

/**
 * The lock was lost while its body ran, and the body was interrupted. Part of its work may be done.
 *
 * - `Gone`: the lock is not in Redis: it expired, was deleted, or the server lost its data
 * - `TakenOver`: another caller holds the lock
 * - `Unproven`: Redis did not confirm the lock in time, and it may have expired
 *
 * @since 0.1.0
 * @category errors
 */
export class LockLost extends Schema.TaggedError<LockLost>()("LockLost", {
  /** the key as the caller named it */
  key: Schema.String,
  reason: Schema.Literal("Gone", "TakenOver", "Unproven")
}) {
  override get message(): string {
    return `the lock "${this.key}" was lost while its body ran: ${reasons[this.reason]}`
  }
}

const reasons: Record<LockLost["reason"], string> = {
  Gone: "it is no longer in Redis",
  TakenOver: "another caller holds it",
  Unproven: "Redis did not confirm it in time, and it may have expired"
}
