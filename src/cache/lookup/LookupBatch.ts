/**
 * Batches the lookups that begin in one turn of the event loop into one call of the source. Each lookup gets its own
 * answer, and the interruption of one harms no other. The call stops with its last lookup.
 *
 * Each key keeps its own flight, with its own lease, epoch and fill.
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
export interface LookupBatch<in Request, out A, out E> {
  /** Adds a request to the next call, and answers its result. */
  readonly lookUp: (request: Request, lookup: Lookup) => Effect.Effect<A, E | LookupTimeout>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupBatchOptions<Request, A, E> {
  /** the cache of the loads */
  readonly owner: LoadGraph.Load["owner"]
  readonly lookups: LookupRunner
  /** whether its calls need a permit */
  readonly isBounded: boolean
  /** the most requests of one call */
  readonly maxSize: number
  /** The call for a single request. */
  readonly one: (request: Request) => Effect.Effect<A, E>
  /** The call for several requests. Its answers are in the order of the requests. */
  readonly many: (requests: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E>
}

interface Member<out Request, in out A, in out E> {
  readonly request: Request
  readonly lookup: Lookup
  readonly answer: Deferred.Deferred<A, E | LookupTimeout>
}

interface Batch<Request, A, E> {
  /** the lookups that still need an answer */
  readonly members: Set<Member<Request, A, E>>
  /** the loads of all members wait for this one */
  readonly load: LoadGraph.Load
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

/** Resumes when every fiber of this turn has run, and every reply that had arrived was handled. */
const endOfTurn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/**
 * Calls run in the scope; closing it interrupts them. A batch that waits for a permit still accepts lookups.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Request, A, E>(
  options: LookupBatchOptions<Request, A, E>
): Effect.Effect<LookupBatch<Request, A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let openBatch: Batch<Request, A, E> | undefined

    const close = (batch: Batch<Request, A, E>) => {
      if (openBatch === batch) openBatch = undefined
    }

    const answers = (requests: ReadonlyArray<Request>): Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E> => {
      const [first, ...others] = requests
      return first !== undefined && others.length === 0
        ? Effect.map(options.one(first), (answer) => [Either.right(answer)])
        : options.many(requests)
    }

    const call = (batch: Batch<Request, A, E>): Effect.Effect<void, E> =>
      Effect.suspend(() => {
        close(batch)
        const members = Array.from(batch.members)
        for (const { lookup } of members) lookup.begin()
        return Effect.flatMap(answers(members.map(({ request }) => request)), (answers) => {
          if (answers.length !== members.length) {
            return Effect.dieMessage(
              `lookupMany answered ${answers.length} values for ${members.length} keys; ` +
                "it must answer one for each key, in the order of the keys (see alignToKeys)"
            )
          }
          return Effect.forEach(
            Iterable.zip(members, answers),
            ([member, answer]) => Deferred.complete(member.answer, answer),
            { discard: true }
          )
        })
      })

    const start = (batch: Batch<Request, A, E>): Effect.Effect<void> =>
      Effect.zipRight(endOfTurn, options.lookups.call(options.isBounded, call(batch))).pipe(
        LoadGraph.locally(batch.load),
        Effect.interruptible,
        // outside the interruptible region: in a closed scope the call ends before it begins, and must still be handled
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

    const join = (request: Request, lookup: Lookup) =>
      Effect.suspend(() => {
        const member: Member<Request, A, E> = { request, lookup, answer: Deferred.unsafeMake(FiberId.none) }
        const present = openBatch
        const batch = present ?? {
          members: new Set(),
          load: new LoadGraph.Load(options.owner, undefined, false),
          fiber: undefined
        }
        batch.members.add(member)
        openBatch = batch.members.size < options.maxSize ? batch : undefined
        return Effect.as(present === undefined ? start(batch) : Effect.void, { batch, member })
      })

    /** Awaits the interruption: the lookup has ended when its caller continues. */
    const leave = (batch: Batch<Request, A, E>, member: Member<Request, A, E>): Effect.Effect<void> =>
      Effect.suspend(() => {
        batch.members.delete(member)
        if (batch.members.size > 0 || batch.fiber === undefined) return Effect.void
        close(batch)
        return Effect.asVoid(Fiber.interrupt(batch.fiber))
      })

    return {
      lookUp: (request, lookup) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(join(request, lookup), ({ batch, member }) =>
            Effect.onInterrupt(LoadGraph.waiting(batch.load, restore(Deferred.await(member.answer))), () =>
              leave(batch, member)
            )
          )
        )
    }
  })
