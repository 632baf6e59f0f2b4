/**
 * Everything at once: `CHAOS_SECONDS` (30 by default) of random faults from the seed `CHAOS_SEED`.
 */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { isOutcomeUnknown, type RedisError } from "../../../src/redis/RedisError.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import { withRetry } from "../../../src/redis/RetryPolicy.js"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import {
  available,
  connect,
  expectNoUnhandledRejections,
  noLeak,
  test,
  title
} from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"

expectNoUnhandledRejections()

const seconds = Number(process.env.CHAOS_SECONDS ?? 30)
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
const fibers = 64

/** Counts once per marker, however often it is sent. */
const countOnce = RedisScript.make({
  name: "countOnce",
  idempotent: true,
  keys: ({ counter, marker }: { readonly counter: string; readonly marker: string }) => [counter, marker],
  args: () => [],
  lua: `
    if redis.call("SET", KEYS[2], "1", "NX") then return redis.call("INCR", KEYS[1]) end
    return tonumber(redis.call("GET", KEYS[1]))
  `,
  reply: Schema.Int,
  model: ({ call, keys: [counter = "", marker = ""] }) =>
    call("SET", marker, "1", "NX") === null ? Number(call("GET", counter)) : call("INCR", counter)
})

type Outcome = "acknowledged" | "unknown" | "rejected"

const outcomeOf = (result: Either.Either<unknown, RedisError>): Outcome =>
  Either.isRight(result) ? "acknowledged" : isOutcomeUnknown(result.left) ? "unknown" : "rejected"

/** A counter as its only caller knows it: each call moves it once, if its outcome is unknown at most once. */
class Witness {
  acknowledged = 0
  unknown = 0
  private count = 0
  private unknownSince = 0
  constructor(
    private readonly name: string,
    private readonly mistakes: Array<string>
  ) {}

  hear(result: Either.Either<number, RedisError>): void {
    const outcome = outcomeOf(result)
    if (outcome === "unknown") {
      this.unknown++
      this.unknownSince++
    }
    if (Either.isLeft(result)) return
    const [least, most] = [this.count + 1, this.count + 1 + this.unknownSince]
    if (result.right < least || result.right > most) {
      this.mistakes.push(`${this.name} went from ${this.count} to ${result.right}, not to ${least}..${most}`)
    }
    this.acknowledged++
    this.count = result.right
    this.unknownSince = 0
  }
}

test(
  title(`no acknowledged write is lost and nothing is counted twice under any faults (seed ${seed})`),
  () =>
    Effect.gen(function* () {
      // what is acknowledged has been written to the file before, so that it outlives the server's death
      const server = yield* RedisServer.make({ keepsData: true })
      const proxy = yield* FaultProxy.make(server.port)
      const redis = yield* connect({ port: proxy.port }, { reconnect: Schedule.spaced("20 millis") })

      const writes: Array<{ readonly key: string; readonly value: string; readonly outcome: Outcome }> = []
      const mistakes: Array<string> = []
      const witnesses: Array<{ readonly key: string; readonly witness: Witness }> = []
      const witnessed = (key: string): Witness => {
        const witness = new Witness(key, mistakes)
        witnesses.push({ key, witness })
        return witness
      }

      const caller = (id: number) =>
        Effect.gen(function* () {
          // every other caller repeats what it may
          const policy = id % 2 === 0 ? withRetry({ within: "1 second" }) : <A, E>(call: Effect.Effect<A, E>) => call
          const plain = `plain:${id}`
          const counter = `{${id}}:marked`
          const plainly = witnessed(plain)
          const marked = witnessed(counter)
          for (let n = 0; true; n++) {
            const key = `write:${id}:${n}`
            const value = `${id}/${n}`
            const written = yield* Effect.either(policy(redis.set(key, value)))
            writes.push({ key, value, outcome: outcomeOf(written) })
            const read = yield* Effect.option(redis.get(key))
            if (Option.isSome(read) && Option.isSome(read.value) && read.value.value !== value) {
              mistakes.push(`${key} was read as ${read.value.value}`)
            }
            plainly.hear(yield* Effect.either(policy(redis.incr(plain))))
            const counting = redis.run(countOnce)({ counter, marker: `{${id}}:marker:${n}` })
            marked.hear(yield* Effect.either(policy(counting)))
            yield* Effect.sleep("2 millis")
          }
        })

      const mend = proxy.become({ _tag: "Pass" })
      const during = (mode: FaultProxy.Mode, millis: number) =>
        proxy.become(mode).pipe(Effect.zipRight(Effect.sleep(millis)), Effect.zipRight(mend))
      const faults: ReadonlyArray<(millis: number) => Effect.Effect<unknown>> = [
        (millis) => during({ _tag: "Blackhole" }, millis * 2),
        (millis) => during({ _tag: "Delay", millis }, 1000),
        (millis) => during({ _tag: "CutMidReply" }, millis),
        (millis) => during({ _tag: "Garbage" }, millis),
        (millis) => Effect.zipRight(proxy.cut, during({ _tag: "Refuse" }, millis)),
        () => proxy.cut,
        (millis) => Effect.flatMap(proxy.hold, (release) => Effect.delay(release, millis * 3)),
        () => server.dropClients,
        () => server.send("SCRIPT", "FLUSH"),
        (millis) =>
          Effect.ensuring(
            Effect.zipRight(server.signal("SIGSTOP"), Effect.sleep(millis * 2)),
            server.signal("SIGCONT")
          ),
        (millis) => server.outage(millis)
      ]
      const chaos = Effect.gen(function* () {
        const fault = yield* Random.choice(faults)
        // seen to its end, so that the server is there afterwards
        yield* Effect.uninterruptible(fault(yield* Random.nextIntBetween(20, 600)))
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 500))
      }).pipe(Effect.ignore, Effect.forever, Effect.withRandom(Random.make(seed)))

      const calling = yield* Effect.fork(
        Effect.forEach(Array(fibers).keys(), caller, { concurrency: "unbounded", discard: true })
      )
      const raging = yield* Effect.fork(chaos)
      yield* Effect.sleep(`${seconds} seconds`)
      yield* Fiber.interrupt(raging)
      yield* available(redis)
      yield* Fiber.interrupt(calling)

      // the last calls were interrupted: they may have been applied although no caller saw a reply
      const interrupted = 1
      const stored = (keys: ReadonlyArray<string>) =>
        Effect.map(
          Effect.forEach(Array.from({ length: Math.ceil(keys.length / 500) }), (_, i) =>
            server.send("MGET", ...keys.slice(i * 500, (i + 1) * 500))
          ),
          (replies) => replies.flatMap((reply) => reply as ReadonlyArray<string | null>)
        )

      const found = yield* stored(writes.map(({ key }) => key))
      const wrong = writes.filter(({ outcome, value }, i) =>
        outcome === "acknowledged" ? found[i] !== value : outcome === "rejected" ? found[i] !== null : false
      )
      expect(wrong).toEqual([])
      expect(mistakes).toEqual([])
      const counts = yield* stored(witnesses.map(({ key }) => key))
      for (const [i, { key, witness }] of witnesses.entries()) {
        expect(Number(counts[i]), key).toBeGreaterThanOrEqual(witness.acknowledged)
        expect(Number(counts[i]), key).toBeLessThanOrEqual(witness.acknowledged + witness.unknown + interrupted)
      }
      const outcomes = writes.map(({ outcome }) => outcome)
      expect(outcomes.filter((outcome) => outcome === "acknowledged").length).toBeGreaterThan(100)
      expect(outcomes, "the faults hurt").toContain("unknown")
      yield* noLeak(server, 1)
    }),
  (seconds + 60) * 1000
)
