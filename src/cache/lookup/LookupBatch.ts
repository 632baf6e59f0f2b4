/**
 * Lookups that begin in one turn of the event loop, asked of their source by one call: each gets its own answer, whoever
 * is interrupted harms no other, and when nobody needs an answer any more the call stops.
 *
 * What the flights of the keys do before and after is not touched by it: each has its lease, its epoch and its fill.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Iterable from "effect/Iterable"
import type * as Scope from "effect/Scope"
import * as LoadGraph from "./LoadGraph.js"
import type { Lookup, LookupRunner, LookupTimeout } from "./LookupRunner.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupBatch<in Question, out A, out E> {
  /** The answer to one of a call's questions. */
  readonly ask: (question: Question, lookup: Lookup) => Effect.Effect<A, E | LookupTimeout>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupBatchOptions<Question, A, E> {
  /** the cache */
  readonly owner: LoadGraph.Load["owner"]
  readonly lookups: LookupRunner
  /** of the lookups that are gathered */
  readonly isBounded: boolean
  /** the most questions of one call */
  readonly maxSize: number
  /** The call for a question that is alone. */
  readonly one: (question: Question) => Effect.Effect<A, E>
  /** The call for several: an answer for each of them, in their order. */
  readonly many: (questions: ReadonlyArray<Question>) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E>
}

interface Member<out Question, in out A, in out E> {
  readonly question: Question
  readonly lookup: Lookup
  readonly answer: Deferred.Deferred<A, E | LookupTimeout>
}

interface Batch<Question, A, E> {
  /** those whose answers are wanted still */
  readonly members: Set<Member<Question, A, E>>
  /** what it runs for: the loads of all members wait for it */
  readonly load: LoadGraph.Load
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

/** All fibers that could run before have run, and the replies that had arrived have been seen. */
const endOfTurn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/**
 * Calls run in the scope; closing it interrupts them. A batch that waits for a permit goes on gathering meanwhile.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Question, A, E>(
  options: LookupBatchOptions<Question, A, E>
): Effect.Effect<LookupBatch<Question, A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let gathering: Batch<Question, A, E> | undefined

    const close = (batch: Batch<Question, A, E>) => {
      if (gathering === batch) gathering = undefined
    }

    const answers = (questions: ReadonlyArray<Question>): Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E> => {
      const [first, ...others] = questions
      return first !== undefined && others.length === 0
        ? Effect.map(options.one(first), (answer) => [Either.right(answer)])
        : options.many(questions)
    }

    const call = (batch: Batch<Question, A, E>): Effect.Effect<void, E> =>
      Effect.suspend(() => {
        close(batch)
        const members = Array.from(batch.members)
        for (const { lookup } of members) lookup.begin()
        return Effect.flatMap(answers(members.map(({ question }) => question)), (answers) => {
          if (answers.length !== members.length) {
            return Effect.dieMessage(`lookupMany gave ${answers.length} answers for ${members.length} keys`)
          }
          return Effect.forEach(
            Iterable.zip(members, answers),
            ([member, answer]) => Deferred.complete(member.answer, answer),
            { discard: true }
          )
        })
      })

    const start = (batch: Batch<Question, A, E>): Effect.Effect<void> =>
      Effect.zipRight(endOfTurn, options.lookups.call(options.isBounded, call(batch))).pipe(
        LoadGraph.locally(batch.load),
        Effect.interruptible,
        // outside of what can be interrupted: in a scope that has closed the call ends before it begins
        Effect.onExit((exit) =>
          Effect.suspend(() => {
            close(batch)
            if (Exit.isSuccess(exit)) return Effect.void
            return Effect.forEach(batch.members, ({ answer }) => Deferred.failCause(answer, exit.cause), {
              discard: true
            })
          })
        ),
        Effect.forkIn(scope),
        Effect.flatMap((fiber) =>
          Effect.sync(() => {
            batch.fiber = fiber
          })
        )
      )

    const join = (question: Question, lookup: Lookup) =>
      Effect.suspend(() => {
        const member: Member<Question, A, E> = { question, lookup, answer: Deferred.unsafeMake(FiberId.none) }
        const present = gathering
        const batch = present ?? {
          members: new Set(),
          load: new LoadGraph.Load(options.owner, undefined, false),
          fiber: undefined
        }
        batch.members.add(member)
        gathering = batch.members.size < options.maxSize ? batch : undefined
        return Effect.as(present === undefined ? start(batch) : Effect.void, { batch, member })
      })

    /** Awaited, so that nobody thinks the lookup over while it is not. */
    const leave = (batch: Batch<Question, A, E>, member: Member<Question, A, E>): Effect.Effect<void> =>
      Effect.suspend(() => {
        batch.members.delete(member)
        if (batch.members.size > 0 || batch.fiber === undefined) return Effect.void
        close(batch)
        return Effect.asVoid(Fiber.interrupt(batch.fiber))
      })

    return {
      ask: (question, lookup) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(join(question, lookup), ({ batch, member }) =>
            Effect.onInterrupt(LoadGraph.waiting(batch.load, restore(Deferred.await(member.answer))), () =>
              leave(batch, member)
            )
          )
        )
    }
  })
