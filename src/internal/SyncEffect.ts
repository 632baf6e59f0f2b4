/**
 * An effect whose answer may be at hand when it is run. Where a generator of Effect asks for it by `yield*`, it is then
 * given the answer itself, and the runtime takes no step, which would cost more than the rest of a hit.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"

/** A generator that has ended. */
class Ended<A> {
  readonly done = true
  constructor(readonly value: A) {}
  next(): IteratorReturnResult<A> {
    return this
  }
}

/**
 * Answers in a row that the runtime knows nothing of. Then it is asked for a turn for the other fibers, as it takes one
 * itself after 2,048 of its steps; else a loop of such answers could not even be interrupted.
 */
const answersInARow = 1_024
let answersLeft = answersInARow

class SyncEffect<Id, A, E> extends Effectable.Class<A, E> {
  constructor(
    readonly id: Id,
    readonly peek: (id: Id) => Exit.Exit<A, E> | undefined,
    readonly past: (id: Id) => Effect.Effect<A, E>
  ) {
    super()
  }

  commit(): Effect.Effect<A, E> {
    return this.peek(this.id) ?? this.past(this.id)
  }

  override [Symbol.iterator](): Effect.EffectGenerator<Effect.Effect<A, E>> {
    if (answersLeft === 0) {
      answersLeft = answersInARow
      return Effect.zipRight(Effect.yieldNow(), this)[Symbol.iterator]()
    }
    const answer = this.peek(this.id)
    if (answer === undefined) return this.past(this.id)[Symbol.iterator]()
    answersLeft--
    return Exit.isSuccess(answer) ? new Ended(answer.value) : answer[Symbol.iterator]()
  }
}

/**
 * What `peek` answers, and where it has no answer what `past` does. Both are called when the effect is run, each time anew.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <Id, A, E>(peek: (id: Id) => Exit.Exit<A, E> | undefined, past: (id: Id) => Effect.Effect<A, E>) =>
  (id: Id): Effect.Effect<A, E> =>
    new SyncEffect(id, peek, past)
