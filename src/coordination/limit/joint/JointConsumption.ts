/**
 * Consumes from several limits: all of them allow the call and take its cost, or nothing is taken.
 *
 * Limits whose keys share a slot are decided in one step. A server that is no cluster has one slot for this purpose. Limits of
 * several slots of a cluster are decided one slot after the other, and a rejection gives back what the slots before have taken.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { TwoGenerationMap } from "../../../internal/collection/TwoGenerationMap.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import * as Tracing from "../../../internal/Tracing.js"
import * as ArgumentCheck from "../../../redis/ArgumentCheck.js"
import type { RedisClient } from "../../../redis/RedisClient.js"
import type { InvalidArgument } from "../../../redis/RedisError.js"
import * as RedisExecutor from "../../../redis/RedisExecutor.js"
import * as RedisKey from "../../../redis/RedisKey.js"
import type { Cost } from "../Admission.js"
import * as Answer from "../Answer.js"
import type { Fallback, LimitCall } from "../Fallback.js"
import * as LimitInput from "../LimitInput.js"
import type { LimitOverrides } from "../LimitOverrides.js"
import * as LimitRunner from "../LimitRunner.js"
import { observedLimits } from "../ObservedLimits.js"
import type { RateLimit, RateLimitResult, RateLimitsResult } from "../RateLimit.js"
import * as RejectionCache from "../RejectionCache.js"

/**
 * One of the limits that a call is under.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limited extends Cost {
  readonly key: string
  readonly limit: RateLimit
}

/**
 * The limits of one call, of which there is at least one.
 *
 * @since 0.2.0
 * @category models
 */
export type AllLimited = Arr.NonEmptyReadonlyArray<Limited>

/** The script of a call reads and writes as many keys. */
const most = 16

/** how many rejected calls are remembered; beyond them the ones used least recently give way */
const capacity = 10_000

/** A limit of the call, with its place and the key of its state. */
interface Part extends LimitCall {
  readonly place: number
  readonly stateKey: string
}

const command = "RateLimiter.consumeAll"

const partsOf = (
  client: RedisClient.Service,
  overrides: LimitOverrides,
  limits: ReadonlyArray<Limited>
): Exit.Exit<ReadonlyArray<Part>, InvalidArgument> => {
  if (limits.length === 0 || limits.length > most) {
    return ArgumentCheck.reject(command, "limits", `${limits.length} limits`, `1 to ${most} limits`)
  }
  const parts: Array<Part> = []
  const stateKeys = new Set<string>()
  for (const [place, { cost = 1, key, limit: given }] of limits.entries()) {
    const limit = overrides.of(given)
    const input = LimitInput.make(command, client, key, limit, cost)
    if (Exit.isFailure(input)) return Exit.failCause(input.cause)
    const stateKey = limit.scripts.keyOf(input.value.key, limit.name)
    if (stateKeys.has(stateKey)) {
      const allowed = "limits that are counted apart: by another key, another algorithm, or option `name` of the limit"
      return ArgumentCheck.reject(command, "limits", `${limit.algorithm} under ${key} twice`, allowed)
    }
    stateKeys.add(stateKey)
    parts.push({ place, limit, input: input.value, stateKey })
  }
  return Exit.succeed(parts)
}

/** The limits by the slots of their keys, in the order of the call. */
const slotsOf = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Part>> => {
  const slots = new Map<string, Array<Part>>()
  for (const part of parts) {
    const tag = RedisKey.hashTag(part.stateKey)
    const slot = slots.get(tag)
    if (slot === undefined) slots.set(tag, [part])
    else slot.push(part)
  }
  return Array.from(slots.values())
}

const share = ({ limit, remaining }: RateLimitResult): number => (limit === 0 ? 0 : remaining / limit)

/** Whether the first result is tighter: it rejects and the other does not, has a longer wait, or has a smaller part left. */
const isTighter = (one: RateLimitResult, other: RateLimitResult): boolean => {
  if (one.allowed !== other.allowed) return !one.allowed
  if (!one.allowed) return Duration.greaterThan(one.retryAfter, other.retryAfter)
  const [left, leftOfOther] = [share(one), share(other)]
  return left === leftOfOther ? Duration.greaterThan(one.resetAfter, other.resetAfter) : left < leftOfOther
}

const joined = (each: Arr.NonEmptyReadonlyArray<RateLimitResult>): RateLimitsResult => {
  const tightest = each.reduce((found, one, i) => (isTighter(one, each[found] ?? each[0]) ? i : found), 0)
  return { ...(each[tightest] ?? each[0]), tightest, each }
}

/** A rejected call, as it was answered. */
interface Remembered {
  readonly askedAt: number
  readonly until: number
  readonly clears: number
  readonly each: Arr.NonEmptyReadonlyArray<RateLimitResult>
}

const later = (duration: Duration.Duration, millis: number): Duration.Duration =>
  Duration.isFinite(duration) ? Duration.millis(Math.max(Duration.toMillis(duration) - millis, 0)) : duration

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  client: RedisClient.Service,
  runnerOf: ReturnType<typeof LimitRunner.onClient>,
  fallback: Fallback,
  rejections: RejectionCache.RejectionCache,
  overrides: LimitOverrides
): ((limits: AllLimited) => Effect.Effect<RateLimitsResult, Answer.RateLimitError>) => {
  const isCluster = RedisExecutor.of(client).nodes !== undefined
  const run = LimitRunner.jointOnClient(client)
  const memory = new TwoGenerationMap<Remembered>(capacity)

  /** Decides the limits of one slot. */
  const ask = (parts: ReadonlyArray<Part>, takes: boolean) =>
    Answer.decide(
      run(
        parts.map(({ input, limit }) => ({ scripts: limit.scripts, input })),
        takes
      ),
      (replies, decision) =>
        parts.map(({ limit }, i) => Answer.resultOf(limit.burst, replies[i] ?? [0, 0, 0, -1], decision)),
      () => fallback.consumeAll(parts, takes)
    )

  /** Gives back what a limit has taken. A refund that Redis cannot answer is lost: the cost stays taken until its window ends. */
  const giveBack = ({ input, limit }: Part, result: RateLimitResult): Effect.Effect<RateLimitResult> =>
    result.decision._tag === "Outage"
      ? Effect.map(fallback.refund(limit, input), (usage) => ({
          ...result,
          ...Answer.usageOf(limit.burst, usage, result.decision)
        }))
      : Effect.match(runnerOf(limit.scripts).refund(input), {
          onSuccess: (usage) => ({ ...result, ...Answer.usageOf(limit.burst, usage, result.decision) }),
          onFailure: () => result
        })

  /** Decides one slot after the other. What was taken is given back unless all limits allow the call. */
  const askInOrder = (slots: ReadonlyArray<ReadonlyArray<Part>>) =>
    Effect.suspend(() => {
      const results = new Map<Part, RateLimitResult>()
      const taken = new Set<Part>()
      let takes = true
      return Effect.forEach(
        slots,
        (parts) =>
          Effect.map(ask(parts, takes), (answered) => {
            const allowed = answered.every((result) => result.allowed)
            for (const [i, part] of parts.entries()) {
              const result = answered[i]
              if (result === undefined) continue
              results.set(part, result)
              if (takes && allowed) taken.add(part)
            }
            takes &&= allowed
          }),
        { discard: true }
      ).pipe(
        Effect.onExit((exit) =>
          Exit.isSuccess(exit) && takes
            ? Effect.void
            : Effect.forEach(
                taken,
                (part) => {
                  const result = results.get(part)
                  return result === undefined
                    ? Effect.void
                    : Effect.map(giveBack(part, result), (after) => results.set(part, after))
                },
                { discard: true, concurrency: "unbounded" }
              )
        ),
        Effect.map(() =>
          Array.from(results)
            .sort(([one], [other]) => one.place - other.place)
            .map(([, result]) => result)
        )
      )
    })

  const decideAll = (parts: ReadonlyArray<Part>) => {
    const slots = isCluster ? slotsOf(parts) : [parts]
    return slots.length === 1 ? ask(parts, true) : askInOrder(slots)
  }

  /** The rejection of the same call, which still holds. */
  const remembered = (id: string, parts: ReadonlyArray<Part>, limits: AllLimited, now: number) => {
    const found = memory.get(id)
    if (found === undefined || now >= found.until) return undefined
    return parts.some((_, i) => rejections.isCleared(limits[i]?.key ?? "", found.clears)) ? undefined : found
  }

  const observe = (parts: ReadonlyArray<Part>, { allowed, each }: RateLimitsResult): void => {
    if (observedLimits.listener === undefined) return
    for (const [i, { limit }] of parts.entries()) {
      const result = each[i]
      // a limit that had room for a rejected call has decided nothing
      if (result === undefined || result.allowed !== allowed) continue
      observedLimits.listener.onDecision(limit.algorithm, allowed, result.decision._tag)
    }
  }

  const consumeAll = (limits: AllLimited) =>
    Effect.clockWith((clock): Effect.Effect<RateLimitsResult, Answer.RateLimitError> => {
      const made = partsOf(client, overrides, limits)
      if (Exit.isFailure(made)) return Exit.failCause(made.cause)
      const parts = made.value
      const now = MonotonicClock.unsafeMillis(clock)
      const id = JSON.stringify(
        parts.map(({ input, limit, stateKey }) => [stateKey, RejectionCache.callOf(limit, input.cost)])
      )
      const known = remembered(id, parts, limits, now)
      if (known !== undefined) {
        const passed = now - known.askedAt
        const result = joined(
          Arr.map(known.each, (each) => ({
            ...each,
            resetAfter: later(each.resetAfter, passed),
            retryAfter: later(each.retryAfter, passed),
            decision: Answer.byCache
          }))
        )
        observe(parts, result)
        return Exit.succeed(result)
      }
      const clears = rejections.clears()
      return Effect.map(decideAll(parts), (each) => {
        // there is at least one limit, and each has an answer
        const result = joined(each as Arr.NonEmptyArray<RateLimitResult>)
        if (!result.allowed && each.every(({ decision }) => decision._tag === "Redis")) {
          const until = now + Math.min(Duration.toMillis(result.retryAfter), Answer.longestMemoryMillis)
          memory.set(id, { askedAt: now, until, clears, each: result.each as Remembered["each"] })
        }
        observe(parts, result)
        return result
      })
    })

  return (limits) =>
    Tracing.operation(
      {
        name: "ratelimit.consume",
        of: limits.map(({ limit }) => limit.algorithm).join("+"),
        key: () => limits.map(({ key }) => key).join(" ")
      },
      consumeAll(limits)
    )
}
