/**
 * How a lock is not had, and how it is lost.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Others kept the lock, or all permits of the semaphore, for as long as the caller was ready to wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockNotAcquired extends Schema.TaggedError<LockNotAcquired>()("LockNotAcquired", {
  /** the key as the caller named it */
  key: Schema.String
}) {
  override get message(): string {
    return `the lock "${this.key}" is held by another: try again later, or wait longer for it`
  }
}

/**
 * The lock was held, and is no longer, or may no longer be: the body was interrupted half way.
 *
 * - `Gone`: Redis knows of no holder, since the lock ran out, was deleted, or the server lost its data
 * - `TakenOver`: Redis says that another holds it
 * - `Unproven`: Redis has not confirmed the lock for so long that it is about to run out
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
  Gone: "Redis does not know it any more",
  TakenOver: "another holds it",
  Unproven: "Redis has not confirmed it in time, and it may have run out"
}
