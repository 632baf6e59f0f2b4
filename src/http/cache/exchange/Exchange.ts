/**
 * Answers a request from stored responses, or by its origin: a handler behind a server's cache, another server behind a client's.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { CacheResult } from "../../../cache/read/CacheResult.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import type { RequestDirectives } from "../rules/CacheControl.js"
import type * as CacheStatus from "../rules/CacheStatus.js"
import type * as FieldList from "../rules/FieldList.js"
import * as Freshness from "../rules/Freshness.js"
import * as Reuse from "../rules/Reuse.js"
import * as Vary from "../rules/Vary.js"
import * as RequestKey from "../store/RequestKey.js"
import { type ResponseStore, type StoreError, StoreKey } from "../store/ResponseStore.js"
import type { Stored, StoredResponse, VaryIndex } from "../store/StoredResponse.js"
import * as OriginRun from "./OriginRun.js"
import { Refused } from "./Refused.js"

/**
 * A GET that stored responses may answer.
 *
 * @since 0.2.0
 * @category models
 */
export interface ExchangeRequest {
  /** the id of the URL's responses (see `RequestKey.primary`) */
  readonly id: string
  /** the tags of every response to this request */
  readonly tags: ReadonlyArray<string>
  readonly fields: FieldList.Fields
  readonly directives: RequestDirectives
  /** whether several users may get the response */
  readonly isShared: boolean
  /** false where stored responses alone may answer */
  readonly mayLoad: boolean
}

/**
 * The answer to a request. `Unavailable`: too many loads while Redis is away. `NotHeld`: stored responses alone may answer,
 * and none does.
 *
 * @since 0.2.0
 * @category models
 */
export type Outcome<A> =
  | {
      readonly _tag: "Stored"
      readonly stored: StoredResponse
      /** in seconds */
      readonly age: number
      readonly handling: CacheStatus.Handling
    }
  | { readonly _tag: "Passed"; readonly response: A; readonly handling: CacheStatus.Handling }
  | { readonly _tag: "Unavailable" }
  | { readonly _tag: "NotHeld" }

/** A stored response that was found, and its age in seconds. */
interface Held {
  readonly stored: StoredResponse
  readonly age: number
  readonly detail: string
}

/** What is loaded, and why. */
interface Target {
  readonly id: string
  readonly index: VaryIndex | undefined
  readonly held: Held | undefined
  readonly reason: "uri-miss" | "vary-miss" | "request" | "stale"
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Exchange {
  readonly handle: <A, E>(request: ExchangeRequest, origin: OriginRun.Origin<A, E>) => Effect.Effect<Outcome<A>, E>
}

/** a request that finds another variant each time ends here: each load may find a changed index */
const maxAttempts = 3

const heldOf = (stored: StoredResponse, { age, source }: Pick<CacheResult<unknown>, "age" | "source">): Held => ({
  stored,
  age: stored.freshness.initialAge + Duration.toSeconds(age),
  detail: source.toLowerCase()
})

/** Whether a stored response may answer a request whose origin has failed. */
const mayStandForError = (directives: RequestDirectives, { age, stored }: Held): boolean => {
  const reuse = Reuse.decide(directives, stored.freshness, age)
  return reuse._tag !== "Revalidate" || reuse.mayServeOnError
}

/** The response that a load has answered with although it has failed. */
const staleOf = (exit: Exit.Exit<Loaded, StoreError>): Held | undefined =>
  Exit.isSuccess(exit) && exit.value.source === "Stale" && exit.value.value._tag === "Response"
    ? heldOf(exit.value.value, exit.value)
    : undefined

/**
 * Revalidations in the background end with the scope.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  store: ResponseStore,
  policy: OriginRun.StoragePolicy
): Effect.Effect<Exchange, never, Scope.Scope> =>
  Effect.zipWith(Effect.scope, Effect.clock, (scope, clock) => {
    const refused = new Refused(() => MonotonicClock.unsafeMillis(clock))
    const revalidating = new Set<string>()

    const hit = ({ age, detail, stored }: Held, handling: CacheStatus.Handling = { hit: true, detail }) =>
      ({
        _tag: "Stored",
        stored,
        age,
        handling: { ...handling, timeLeft: Freshness.left(stored.freshness, age) }
      }) as const

    const passed = <A, E>(origin: OriginRun.Origin<A, E>, handling: CacheStatus.Handling) =>
      Effect.map(origin.pass, ({ response }) => ({ _tag: "Passed", response, handling }) as const)

    /** Passes a request by whose key had a response that may not be stored. */
    const passedAgain = <A, E>(
      request: ExchangeRequest,
      origin: OriginRun.Origin<A, E>,
      id: string,
      handling: CacheStatus.Handling
    ) => {
      const observed = Effect.tap(origin.pass, (answer) =>
        Effect.map(OriginRun.refusalOf(request, answer, policy), (refusal) => {
          if (refusal === undefined) refused.remove(id)
        })
      )
      return passed({ ...origin, pass: observed }, handling)
    }

    /** Ids are bounded printable texts, so that none is an invalid key. */
    const peek = (id: string) => Effect.orDie(store.getOption(new StoreKey(id)))

    const find = (request: ExchangeRequest) =>
      Effect.gen(function* () {
        const first = yield* peek(request.id)
        if (Option.isNone(first)) return { id: request.id, index: undefined, held: undefined }
        const { value } = first.value
        if (value._tag === "Response") return { id: request.id, index: undefined, held: heldOf(value, first.value) }
        return yield* findVariant(request, value)
      })

    const findVariant = (request: ExchangeRequest, index: VaryIndex) =>
      Effect.gen(function* () {
        const secondaryKey = Vary.secondaryKey(index.names, request.fields)
        const id = RequestKey.variant(request.id, index.generation, secondaryKey)
        const found = Option.getOrUndefined(yield* peek(id))
        const held = found?.value._tag === "Response" ? heldOf(found.value, found) : undefined
        return { id, index, held }
      })

    const answer = <A, E>(
      request: ExchangeRequest,
      origin: OriginRun.Origin<A, E>,
      { held, id, index }: Pick<Target, "held" | "id" | "index">,
      attempts: number
    ): Effect.Effect<Outcome<A>, E> =>
      Effect.suspend(() => {
        const { directives } = request
        if (held === undefined) {
          if (!request.mayLoad) return Effect.succeed({ _tag: "NotHeld" } as const)
          const refusal = refused.of(id)
          const reason = index === undefined ? "uri-miss" : "vary-miss"
          if (refusal !== undefined) return passedAgain(request, origin, id, { forwarded: reason, detail: refusal })
          return load(request, origin, { id, index, held, reason }, attempts)
        }
        const reuse = Reuse.decide(directives, held.stored.freshness, held.age)
        switch (reuse._tag) {
          case "Serve":
            return Effect.succeed(hit(held))
          case "ServeAndRevalidate":
            if (!request.mayLoad) return Effect.succeed(hit(held))
            return Effect.as(revalidate(request, origin, { id, index, held, reason: "stale" }), hit(held))
          case "Revalidate": {
            if (!request.mayLoad) return Effect.succeed({ _tag: "NotHeld" } as const)
            return load(request, origin, { id, index, held, reason: reuse.because }, attempts)
          }
        }
      })

    /** One revalidation of a key at a time, which no client waits for. */
    const revalidate = <A, E>(
      request: ExchangeRequest,
      origin: OriginRun.Origin<A, E>,
      target: Target
    ): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (revalidating.has(target.id)) return Effect.void
        revalidating.add(target.id)
        return OriginRun.make(store, policy, request, origin, target).pipe(
          Effect.flatMap((run) => store.getResult(new StoreKey(target.id, run.load))),
          Effect.exit,
          // servers handle requests in a region without interruptions
          Effect.interruptible,
          Effect.ensuring(Effect.sync(() => revalidating.delete(target.id))),
          Effect.forkIn(scope),
          Effect.asVoid
        )
      })

    const load = <A, E>(
      request: ExchangeRequest,
      origin: OriginRun.Origin<A, E>,
      target: Target,
      attempts: number
    ): Effect.Effect<Outcome<A>, E> =>
      Effect.flatMap(OriginRun.make(store, policy, request, origin, target), (run) => {
        const key = new StoreKey(target.id, run.load)
        // the client wants a response that is newer than its request
        const loaded: Effect.Effect<Loaded, StoreError> =
          target.reason === "request"
            ? Effect.map(store.refresh(key), (value) => ({ value, age: Duration.zero, source: "Lookup" }))
            : store.getResult(key)
        return Effect.flatMap(Effect.exit(Effect.interruptible(loaded)), (exit) =>
          run.hasRun() ? settleOwn(request, run, target, exit) : settleOthers(request, origin, target, exit, attempts)
        )
      })

    /** The load of this request has run: its response is the answer. */
    const settleOwn = <A, E>(
      { directives }: ExchangeRequest,
      run: OriginRun.OriginRun<A, E>,
      { held: known, id, reason }: Target,
      exit: Exit.Exit<Loaded, StoreError>
    ): Effect.Effect<Outcome<A>, E> => {
      const isStored = Exit.isSuccess(exit) && exit.value.source === "Lookup" && run.refusal() === undefined
      const handling = { forwarded: reason, forwardedStatus: run.forwardedStatus() }
      const result = run.result()
      if (result !== undefined) {
        const age = result.freshness.initialAge
        const timeLeft = Freshness.left(result.freshness, age)
        return Effect.succeed({
          _tag: "Stored",
          stored: result,
          age,
          handling: { ...handling, timeLeft, stored: isStored, detail: run.refusal() }
        })
      }
      // the local tier may keep what Redis cannot be asked for
      const held = known ?? staleOf(exit)
      return Effect.flatMap(run.failed, (isError): Effect.Effect<Outcome<A>, E> => {
        if (isError && held !== undefined && mayStandForError(directives, held)) {
          return Effect.succeed(hit(held, { ...handling, detail: "stale-if-error" }))
        }
        const refusal = run.refusal()
        if (refusal !== undefined && !isError) refused.add(id, refusal)
        return Effect.map(run.exit(), ({ response }) => ({
          _tag: "Passed" as const,
          response,
          handling: { forwarded: reason, detail: refusal }
        }))
      })
    }

    /** The load of another request has run, or none. */
    const settleOthers = <A, E>(
      request: ExchangeRequest,
      origin: OriginRun.Origin<A, E>,
      target: Target,
      exit: Exit.Exit<Loaded, StoreError>,
      attempts: number
    ): Effect.Effect<Outcome<A>, E> => {
      if (Exit.isFailure(exit)) {
        const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
        if (failure === undefined) return Exit.failCause(Cause.stripFailures(exit.cause))
        if (failure._tag === "LookupOverloaded") return Effect.succeed({ _tag: "Unavailable" })
        // what may not be stored is for one client: each gets a response of its own
        return passed(origin, { forwarded: target.reason, detail: refused.of(target.id) })
      }
      const { value } = exit.value
      if (value._tag === "VaryIndex") {
        return attempts >= maxAttempts
          ? passed(origin, { forwarded: "vary-miss" })
          : Effect.flatMap(findVariant(request, value), (found) => answer(request, origin, found, attempts + 1))
      }
      const held = heldOf(value, exit.value)
      if (exit.value.source === "Stale") {
        // the revalidation of another request has just failed
        return mayStandForError(request.directives, held)
          ? Effect.succeed(hit(held, { forwarded: target.reason, collapsed: true, detail: "stale-if-error" }))
          : passed(origin, { forwarded: target.reason })
      }
      const reuse = Reuse.decide({ ...request.directives, noCache: false }, value.freshness, held.age)
      return reuse._tag === "Revalidate"
        ? passed(origin, { forwarded: target.reason })
        : Effect.succeed(hit(held, { forwarded: target.reason, collapsed: true }))
    }

    return {
      handle: (request, origin) =>
        Effect.suspend(() => {
          // nothing was stored a moment ago: a read of Redis for each request of such a URL would be in vain
          const refusal = request.mayLoad ? refused.of(request.id) : undefined
          return refusal === undefined
            ? Effect.flatMap(find(request), (found) => answer(request, origin, found, 1))
            : passedAgain(request, origin, request.id, { forwarded: "uri-miss", detail: refusal })
        })
    }
  })

/** What the store answers. */
type Loaded = Pick<CacheResult<Stored>, "age" | "source" | "value">
