/**
 * One request to the origin on behalf of all requests that wait for its response, and what is stored of that.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Conditional from "../rules/Conditional.js"
import type * as FieldList from "../rules/FieldList.js"
import * as Freshness from "../rules/Freshness.js"
import * as HttpDate from "../rules/HttpDate.js"
import * as Reuse from "../rules/Reuse.js"
import * as Storage from "../rules/Storage.js"
import * as Vary from "../rules/Vary.js"
import * as RequestKey from "../store/RequestKey.js"
import { NotStored, type ResponseStore, StoreKey } from "../store/ResponseStore.js"
import type { Stored, StoredResponse, VaryIndex } from "../store/StoredResponse.js"

/**
 * A response of the origin.
 *
 * @since 0.2.0
 * @category models
 */
export interface OriginResponse<out A> {
  readonly response: A
  readonly status: number
  readonly fields: FieldList.Fields
  /** the values of `Set-Cookie` */
  readonly cookies: ReadonlyArray<string>
  /** one word where the body cannot be stored, such as `stream` */
  readonly content: Uint8Array | { readonly notStorable: string }
  /** the tags that the origin names */
  readonly tags: ReadonlyArray<string>
  /** what this cache obeys in place of `Cache-Control`, which is then for the caches of clients */
  readonly cacheControl: string | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Origin<out A, out E> {
  /** Sends the request with these fields. It may run after the client has its answer. */
  readonly send: (fields: Record<string, string>) => Effect.Effect<OriginResponse<A>, E>
  /** Sends the request as it is. */
  readonly pass: Effect.Effect<OriginResponse<A>, E>
  /** Whether a stale response may stand for this failure. */
  readonly isError: (cause: Cause.Cause<unknown>) => Effect.Effect<boolean>
}

/**
 * What is stored, and for how long.
 *
 * @since 0.2.0
 * @category models
 */
export interface StoragePolicy extends Omit<Freshness.FreshnessOptions, "isShared"> {
  readonly setCookie: boolean
  readonly validatorSuffices: boolean
  /** The fields of a response that has no validator of its own. */
  readonly withValidator: (fields: Record<string, string>, content: Uint8Array) => Record<string, string>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface OriginRun<out A, out E> {
  /** Sends the request, and answers what is stored under the key. */
  readonly load: Effect.Effect<Stored, NotStored>
  readonly hasRun: () => boolean
  /** The response as it is stored; a 304 is the stored response that it updates. */
  readonly result: () => StoredResponse | undefined
  /** Why the response is not stored; undefined where it is, and where the origin has failed. */
  readonly refusal: () => string | undefined
  readonly forwardedStatus: () => number | undefined
  /** Whether a stale response may stand for what the origin answered. */
  readonly failed: Effect.Effect<boolean>
  /** The response of the origin. Called once the load has run. */
  readonly exit: () => Effect.Effect<OriginResponse<A>, E>
}

const obeyed = (
  fields: FieldList.Fields,
  { cacheControl }: Pick<OriginResponse<unknown>, "cacheControl">
): FieldList.Fields => (cacheControl === undefined ? fields : { ...fields, "cache-control": cacheControl })

/**
 * Why a response may not be stored; undefined where it may.
 *
 * @since 0.2.0
 * @category predicates
 */
export const refusalOf = (
  request: { readonly fields: FieldList.Fields; readonly isShared: boolean },
  answer: OriginResponse<unknown>,
  policy: StoragePolicy
): Effect.Effect<string | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { isShared } = request
    const { content, cookies, status } = answer
    if (!(content instanceof Uint8Array)) return content.notStorable
    const fields = obeyed(answer.fields, answer)
    const freshness = Freshness.make({ status, fields }, now, { ...policy, isShared })
    return Storage.refusal(request.fields, { status, fields, setsCookie: cookies.length > 0 }, freshness, {
      ...policy,
      isShared
    })
  })

/** how long an index of variants is kept at least, in seconds */
const indexSeconds = 86_400

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E>(
  store: ResponseStore,
  policy: StoragePolicy,
  request: {
    readonly id: string
    readonly tags: ReadonlyArray<string>
    readonly fields: FieldList.Fields
    readonly isShared: boolean
  },
  origin: Origin<A, E>,
  target: {
    readonly id: string
    readonly index: VaryIndex | undefined
    readonly held: { readonly stored: StoredResponse } | undefined
  }
): Effect.Effect<OriginRun<A, E>> =>
  Effect.sync(() => {
    const { isShared } = request
    let exit: Exit.Exit<OriginResponse<A>, E> | undefined
    let result: StoredResponse | undefined
    let refusal: string | undefined
    const previous = target.held?.stored

    const refuse = (reason: string) => {
      refusal = reason
      return Effect.fail(new NotStored())
    }

    /** What the origin answers now is not stored. The older response must not be served in its place. */
    const refuseForGood = (reason: string) =>
      Effect.zipRight(
        previous === undefined ? Effect.void : Effect.orDie(store.invalidate(new StoreKey(target.id))),
        refuse(reason)
      )

    /** What is stored of a response, or of the stored response that a 304 updates. */
    const toStored = (answer: OriginResponse<A>, content: Uint8Array, receivedAt: number): StoredResponse => {
      const isUpdate = answer.status === 304 && previous !== undefined
      const status = isUpdate ? previous.status : answer.status
      const received = Storage.storedFields(answer.fields, isShared)
      // a 304 without a date is of now, and so is what it confirms
      const dated: Record<string, string> = { date: HttpDate.format(receivedAt), ...received }
      const merged = isUpdate ? Conditional.updated(previous.fields, dated) : dated
      const freshness = Freshness.make({ status, fields: obeyed(merged, answer) }, receivedAt, { ...policy, isShared })
      // what `no-cache` takes out was needed for the freshness alone
      const { age: _, ...fields } = merged
      return {
        _tag: "Response",
        status,
        fields: policy.withValidator(fields, content),
        cookies: answer.cookies.length > 0 || !isUpdate ? answer.cookies : previous.cookies,
        content,
        freshness,
        tags: isUpdate && answer.tags.length === 0 ? previous.tags : tagsOf(answer.tags)
      }
    }

    const tagsOf = (own: ReadonlyArray<string>): ReadonlyArray<string> => [
      ...request.tags,
      ...own.map(RequestKey.ownTag)
    ]

    const indexOf = (names: ReadonlyArray<string>, { freshness, tags }: StoredResponse) =>
      Effect.map(
        Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER),
        (random): VaryIndex => ({
          _tag: "VaryIndex",
          names,
          generation: random.toString(36),
          lifetime: Math.max(indexSeconds, freshness.lifetime),
          tags
        })
      )

    /**
     * A response that varies is stored under the key of its variant, and the index under the key of the URL. The variant comes
     * first: the requests that wait for the index find it.
     */
    const varied = (names: ReadonlyArray<string>, response: StoredResponse) =>
      Effect.gen(function* () {
        const index = yield* indexOf(names, response)
        const secondaryKey = Vary.secondaryKey(names, request.fields)
        const id = RequestKey.variant(request.id, index.generation, secondaryKey)
        if (yield* store.isAvailable) yield* Effect.orDie(store.set(new StoreKey(id), response))
        return index
      })

    /** The response varies on more than the index says: the next request finds the new index, and stores its response. */
    const widened = (index: VaryIndex, names: ReadonlyArray<string>, response: StoredResponse) =>
      Effect.gen(function* () {
        const wider = yield* indexOf(Array.from(new Set([...index.names, ...names])).sort(), response)
        if (yield* store.isAvailable) yield* Effect.orDie(store.set(new StoreKey(request.id), wider))
        return yield* refuse("vary")
      })

    const toStore = (response: StoredResponse): Effect.Effect<Stored, NotStored> => {
      const names = Vary.fieldsOf(response.fields)
      if (names === "*" || names.length === 0) return Effect.succeed(response)
      const { index } = target
      if (index === undefined) return varied(names, response)
      return names.every((name) => index.names.includes(name))
        ? Effect.succeed(response)
        : widened(index, names, response)
    }

    return {
      load: Effect.gen(function* () {
        exit = yield* Effect.exit(origin.send(Conditional.withValidators(request.fields, previous?.fields)))
        const receivedAt = yield* Clock.currentTimeMillis
        if (Exit.isFailure(exit)) return yield* new NotStored()
        const answer = exit.value
        const isUpdate = answer.status === 304 && previous !== undefined
        const content = isUpdate ? previous.content : answer.content
        // an error is an answer to this client, and a stale response stays for the others
        if (previous !== undefined && Reuse.isError(answer.status)) return yield* refuse("error")
        if (!(content instanceof Uint8Array)) return yield* refuseForGood(content.notStorable)
        const response = toStored(answer, content, receivedAt)
        const judged = isUpdate ? { ...answer, status: response.status, fields: response.fields, content } : answer
        const reason = yield* refusalOf(request, judged, policy)
        if (reason === undefined || isUpdate) result = response
        if (reason !== undefined) return yield* refuseForGood(reason)
        return yield* toStore(response)
      }),
      hasRun: () => exit !== undefined,
      result: () => result,
      refusal: () => refusal,
      forwardedStatus: () => (exit !== undefined && Exit.isSuccess(exit) ? exit.value.status : undefined),
      failed: Effect.suspend(() => {
        if (exit === undefined) return Effect.succeed(false)
        return Exit.isSuccess(exit) ? Effect.succeed(Reuse.isError(exit.value.status)) : origin.isError(exit.cause)
      }),
      exit: () => exit ?? Effect.dieMessage("the origin has not answered yet")
    }
  })
