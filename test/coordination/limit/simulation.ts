/** Calls of one limit in random order under a time of the test's own, run on the models of its scripts. */
import * as fc from "effect/FastCheck"
import type { Input, LimitScripts } from "../../../src/coordination/limit/LimitScript.js"
import type { RateLimit } from "../../../src/coordination/RateLimiter.js"
import * as Keyspace from "../../../src/redis/memory/Keyspace.js"
import type { RedisScript } from "../../../src/redis/RedisScript.js"
import { limitScripts } from "./limitScripts.js"

export type Numbers = Pick<Input, "limit" | "windowMillis" | "burst">

/** One call, so many microseconds after the one before. */
export interface Step {
  readonly after: number
  readonly action: "consume" | "refund"
  readonly cost: number
}

export interface Call extends Step {
  /** microseconds */
  readonly at: number
  readonly allowed: boolean
  readonly remaining: number
  readonly reset: number
  readonly retry: number
  /** whether a call of this cost would have been allowed so many microseconds later */
  readonly allowedLater: (micros: number, cost: number) => boolean
  /** everything under the key before the call and after it */
  readonly before: () => string
  readonly left: () => string
  /** milliseconds until the key ends */
  readonly life: () => number
}

export const numbers = (algorithm: RateLimit["algorithm"]): fc.Arbitrary<Numbers> =>
  fc.record({
    limit: fc.integer({ min: 1, max: algorithm === "TokenBucket" ? 30 : 12 }),
    windowMillis: fc.constantFrom(1, 7, 100, 1_000, 60_000),
    burst: fc.integer({ min: 1, max: 12 })
  })

/** Times gather around the edges of windows. */
export const steps = ({ limit, windowMillis }: Numbers, actions: ReadonlyArray<Step["action"]>) => {
  const window = windowMillis * 1_000
  return fc.array(
    fc.record({
      after: fc.oneof(
        fc.constantFrom(0, 0, 1, window - 1, window, window + 1, 2 * window, Math.ceil(window / limit)),
        fc.integer({ min: 0, max: Math.ceil(window / 3) }),
        fc.integer({ min: 0, max: 3 * window })
      ),
      action: fc.constantFrom(...actions),
      cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: limit + 1 }))
    }),
    { maxLength: 40, size: "max" }
  )
}

const start = 1_800_000_000_000_000

export const simulate = (
  algorithm: RateLimit["algorithm"],
  numbers: Numbers,
  program: ReadonlyArray<Step>
): ReadonlyArray<Call> => {
  const scripts: LimitScripts = limitScripts[algorithm]
  let keyspace = Keyspace.make()
  let now = start

  const environmentAt = (micros: number) => ({ now: Math.floor(micros / 1_000), publish: () => 0 })
  const runOn = <A>(keyspace: Keyspace.Keyspace, micros: number, script: RedisScript<Input, A>, cost: number) => {
    const input: Input = { key: "limit", cost, ...numbers, now: micros }
    const outcome = Keyspace.runScript(keyspace, environmentAt(micros), script, script.keys(input), script.args(input))
    if (!Array.isArray(outcome.reply)) throw new Error(`no reply of a limit: ${String(outcome.reply)}`)
    return { keyspace: outcome.keyspace, reply: outcome.reply as ReadonlyArray<number> }
  }

  return program.map((step) => {
    now += step.after
    const at = now
    const before = keyspace
    const after =
      step.action === "consume"
        ? runOn(keyspace, at, scripts.consume, step.cost)
        : runOn(keyspace, at, scripts.refund, step.cost)
    keyspace = after.keyspace
    const read = (keyspace: Keyspace.Keyspace, command: string, ...args: ReadonlyArray<string>) =>
      Keyspace.execute(keyspace, environmentAt(at), command, [scripts.keyOf("limit"), ...args]).reply
    const contents = (keyspace: Keyspace.Keyspace) =>
      JSON.stringify([
        read(keyspace, "PTTL"),
        algorithm === "SlidingLog" ? read(keyspace, "ZRANGE", "0", "-1", "WITHSCORES") : read(keyspace, "GET")
      ])
    const [allowed, remaining = 0, reset = 0, retry = 0] = step.action === "consume" ? after.reply : [1, ...after.reply]
    return {
      ...step,
      at,
      allowed: allowed === 1,
      remaining,
      reset,
      retry,
      allowedLater: (micros, cost) => runOn(after.keyspace, at + micros, scripts.consume, cost).reply[0] === 1,
      before: () => contents(before),
      left: () => contents(after.keyspace),
      life: () => Number(read(after.keyspace, "PTTL"))
    }
  })
}

/** The sum of the costs of some calls. */
export const costOf = (calls: ReadonlyArray<Call>): number => calls.reduce((sum, { cost }) => sum + cost, 0)

export const granted = (calls: ReadonlyArray<Call>): ReadonlyArray<Call> =>
  calls.filter(({ action, allowed }) => action === "consume" && allowed)

export const refunded = (calls: ReadonlyArray<Call>): ReadonlyArray<Call> =>
  calls.filter(({ action }) => action === "refund")
