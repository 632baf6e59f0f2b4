/** `Callback` behaves as `Effect.async` does. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Callback from "../../../src/internal/effect/Callback.js"
import { settle } from "../../support/until.js"

type Resume<A, E> = (effect: Effect.Effect<A, E>) => void

type Make = <A, E = never>(register: (resume: Resume<A, E>) => void) => Effect.Effect<A, E>

/** An effect that waits, the callbacks by which its runs are resumed, and how often it was run. */
const waiting = (make: Make) => {
  const resumes: Array<Resume<number, string>> = []
  const effect = make<number, string>((resume) => {
    resumes.push(resume)
  })
  /** resumes the latest run */
  const resume = (answer: Effect.Effect<number, string>) => resumes.at(-1)?.(answer)
  return { effect, resume, runs: () => resumes.length }
}

const makers: ReadonlyArray<readonly [string, Make]> = [
  ["Callback.make", Callback.make],
  ["Callback.makeInTurn", (register) => Callback.makeInTurn((resume) => register(resume))],
  // a function that takes a callback alone, so that nothing is cancelled
  ["Effect.async", (register) => Effect.async((resume) => register(resume))]
]

for (const [name, make] of makers) {
  describe(`an effect of ${name}`, () => {
    it.effect("waits until it is resumed, and ends with what it is resumed with", () =>
      Effect.gen(function* () {
        const { effect, resume } = waiting(make)
        const fiber = yield* Effect.fork(effect)
        yield* settle
        expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
        resume(Exit.succeed(1))
        expect(yield* Fiber.await(fiber)).toEqual(Exit.succeed(1))
      })
    )

    it.effect("may be resumed at once, while it registers", () =>
      Effect.gen(function* () {
        expect(yield* make<number>((resume) => resume(Exit.succeed(1)))).toBe(1)
      })
    )

    it.effect("is resumed once: what comes after the first time is ignored", () =>
      Effect.gen(function* () {
        const atOnce = make<number, string>((resume) => {
          resume(Exit.succeed(1))
          resume(Exit.succeed(2))
          resume(Exit.fail("too late"))
        })
        expect(yield* atOnce).toBe(1)
        const later = waiting(make)
        const fiber = yield* Effect.fork(
          Effect.map(later.effect, (first) => [first]).pipe(Effect.zipLeft(Effect.yieldNow()))
        )
        yield* settle
        later.resume(Exit.succeed(1))
        later.resume(Exit.fail("too late"))
        expect(yield* Fiber.join(fiber)).toEqual([1])
        later.resume(Exit.fail("much too late"))
        yield* settle
        expect(yield* Fiber.join(fiber)).toEqual([1])
      })
    )

    it.effect("fails, dies and is interrupted as what it is resumed with", () =>
      Effect.gen(function* () {
        for (const exit of [
          Exit.fail("no"),
          Exit.die("defect"),
          Exit.failCause(Cause.parallel(Cause.fail("one"), Cause.die("other")))
        ]) {
          expect(yield* Effect.exit(make<number, string>((resume) => resume(exit)))).toEqual(exit)
          const later = waiting(make)
          const fiber = yield* Effect.fork(later.effect)
          yield* settle
          later.resume(exit)
          expect(yield* Fiber.await(fiber)).toEqual(exit)
        }
        const interrupted = yield* Effect.exit(make<number>((resume) => resume(Effect.interrupt)))
        expect(Exit.isInterrupted(interrupted)).toBe(true)
        expect(yield* Effect.flip(make<number, string>((resume) => resume(Exit.fail("no"))))).toBe("no")
      })
    )

    it.effect("continues with an effect that is no exit, on its own fiber", () =>
      Effect.gen(function* () {
        const { effect, resume } = waiting(make)
        let ran = 0
        const self = Effect.flatMap(effect, (id) => Effect.map(Effect.fiberId, (own) => [id, own] as const))
        const fiber = yield* Effect.fork(Effect.flatMap(Effect.fiberId, (own) => Effect.map(self, (n) => [own, n])))
        yield* settle
        resume(
          Effect.yieldNow().pipe(
            Effect.zipRight(Effect.sync(() => ++ran)),
            Effect.map((n) => n + 1)
          )
        )
        const [own, answer] = yield* Fiber.join(fiber)
        expect(ran).toBe(1)
        expect(answer).toEqual([2, own])
        const failing = Effect.flatMap(Effect.succeed(1), () => Effect.fail("after all"))
        expect(yield* Effect.flip(make<number, string>((resume) => resume(failing)))).toBe("after all")
        // also where that waits again
        const nested = make<number>((resume) =>
          resume(make<number>((resume) => queueMicrotask(() => resume(Exit.succeed(3)))))
        )
        expect(yield* nested).toBe(3)
      })
    )

    it.effect("dies when it throws while it registers", () =>
      Effect.gen(function* () {
        const defect = new Error("no register")
        const thrown = make<number>(() => {
          throw defect
        })
        expect(yield* Effect.exit(thrown)).toEqual(Exit.die(defect))
      })
    )

    it.effect("ends at once when its fiber is interrupted, and a later answer is ignored", () =>
      Effect.gen(function* () {
        const { effect, resume } = waiting(make)
        let wentOn = false
        const fiber = yield* Effect.fork(
          Effect.map(effect, () => {
            wentOn = true
          })
        )
        yield* settle
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        resume(Exit.succeed(1))
        yield* settle
        expect(wentOn).toBe(false)
        expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      })
    )

    it.effect("does not register in a fiber that is interrupted already", () =>
      Effect.gen(function* () {
        const { effect, runs } = waiting(make)
        const interrupted = Effect.withFiberRuntime<number, string>((fiber) => {
          fiber.unsafeInterruptAsFork(fiber.id())
          return Effect.zipRight(Effect.yieldNow(), effect)
        })
        expect(Exit.isInterrupted(yield* Effect.exit(Fiber.join(yield* Effect.fork(interrupted))))).toBe(true)
        expect(runs()).toBe(0)
      })
    )

    it.effect("keeps waiting where it must not be interrupted, until it is resumed", () =>
      Effect.gen(function* () {
        const { effect, resume } = waiting(make)
        let answer = 0
        const fiber = yield* Effect.fork(
          Effect.uninterruptible(
            Effect.map(effect, (n) => {
              answer = n
            })
          )
        )
        yield* settle
        yield* Fiber.interruptFork(fiber)
        yield* settle
        expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
        resume(Exit.succeed(1))
        yield* Fiber.await(fiber)
        expect(answer).toBe(1)
      })
    )

    it.effect("lets what surrounds it clean up when it is interrupted", () =>
      Effect.gen(function* () {
        const { effect } = waiting(make)
        let cleaned = 0
        const fiber = yield* Effect.fork(
          Effect.ensuring(
            effect,
            Effect.sync(() => cleaned++)
          )
        )
        yield* settle
        yield* Fiber.interrupt(fiber)
        expect(cleaned).toBe(1)
      })
    )

    it.effect("loses a race and a time-out as any other effect, and wins them", () =>
      Effect.gen(function* () {
        const lost = waiting(make)
        expect(yield* Effect.race(lost.effect, Effect.succeed(2))).toBe(2)
        const won = waiting(make)
        const racing = yield* Effect.fork(Effect.race(won.effect, Effect.never))
        yield* settle
        won.resume(Exit.succeed(1))
        expect(yield* Fiber.join(racing)).toBe(1)

        const slow = waiting(make)
        const timed = yield* Effect.fork(Effect.timeoutOption(slow.effect, "1 second"))
        yield* settle
        yield* TestClock.adjust("999 millis")
        expect(yield* Fiber.poll(timed)).toEqual(Option.none())
        yield* TestClock.adjust("1 millis")
        expect(yield* Fiber.join(timed)).toEqual(Option.none())
        slow.resume(Exit.succeed(1))

        const quick = waiting(make)
        const inTime = yield* Effect.fork(Effect.timeoutOption(quick.effect, "1 second"))
        yield* settle
        yield* TestClock.adjust("999 millis")
        quick.resume(Exit.succeed(1))
        expect(yield* Fiber.join(inTime)).toEqual(Option.some(1))
      })
    )

    it.effect("is an effect as any other in a generator, in combinators, and beside others", () =>
      Effect.gen(function* () {
        const soon = (n: number) => make<number>((resume) => queueMicrotask(() => resume(Exit.succeed(n))))
        expect(Effect.isEffect(soon(1))).toBe(true)
        const sum = Effect.gen(function* () {
          let sum = 0
          for (let i = 1; i <= 3; i++) sum += yield* soon(i)
          return sum
        })
        expect(yield* sum).toBe(6)
        expect(
          yield* soon(1).pipe(
            Effect.flatMap((n) => soon(n + 1)),
            Effect.map(String)
          )
        ).toBe("2")
        const many = Array.from({ length: 100 }, (_, i) => i)
        expect(yield* Effect.forEach(many, soon, { concurrency: "unbounded" })).toEqual(many)
        expect(yield* Effect.either(make<number, string>((resume) => resume(Exit.fail("no"))))).toMatchObject({
          left: "no"
        })
        expect(
          yield* Effect.catchAll(
            make<number, string>((resume) => resume(Exit.fail("no"))),
            soon.bind(null, 7)
          )
        ).toBe(7)
        // an await for each of many does not grow the stack
        const chain = Effect.iterate(0, {
          while: (n) => n < 20_000,
          body: (n) => make<number>((resume) => resume(Exit.succeed(n + 1)))
        })
        expect(yield* chain).toBe(20_000)
      })
    )

    it.effect("registers each time it is run, and each run has its own answer", () =>
      Effect.gen(function* () {
        const resumes: Array<Resume<number, never>> = []
        const effect = make<number>((resume) => {
          resumes.push(resume)
        })
        const fibers = yield* Effect.all([Effect.fork(effect), Effect.fork(effect)])
        yield* settle
        expect(resumes).toHaveLength(2)
        for (const [i, resume] of resumes.entries()) resume(Exit.succeed(i))
        expect(yield* Effect.forEach(fibers, Fiber.join)).toEqual([0, 1])
      })
    )
  })
}

describe("the interruption of a fiber that waits", () => {
  /** A fiber that waits, with a listener of its interruption. */
  const listened = Effect.gen(function* () {
    const counts = { heard: 0, isHooked: false }
    let resume: Resume<number, never> = () => {}
    const fiber = yield* Effect.fork(
      Callback.makeInTurn<number>((given, caller) => {
        resume = given
        counts.isHooked = Callback.onInterrupt(caller, () => counts.heard++)
      })
    )
    yield* settle
    return { counts, fiber, resume: (answer: number) => resume(Exit.succeed(answer)) }
  })

  it.effect("calls its listener once, and ends the fiber", () =>
    Effect.gen(function* () {
      const { counts, fiber } = yield* listened
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(counts).toEqual({ heard: 1, isHooked: true })
    })
  )

  it.effect("calls no listener of a fiber that was resumed before", () =>
    Effect.gen(function* () {
      const { counts, fiber, resume } = yield* listened
      resume(1)
      expect(yield* Fiber.join(fiber)).toBe(1)
      yield* Fiber.interrupt(fiber)
      expect(counts.heard).toBe(0)
    })
  )

  it.effect("resumes a fiber with a listener within the call, as any other", () =>
    Effect.gen(function* () {
      const { fiber, resume } = yield* listened
      resume(1)
      expect(fiber.unsafePoll()).toEqual(Exit.succeed(1))
    })
  )

  it.effect("has no listener in a fiber that is interrupted already, and waits no more", () =>
    Effect.gen(function* () {
      const { fiber } = yield* listened
      yield* Fiber.interrupt(fiber)
      expect(Callback.onInterrupt(fiber, () => {})).toBe(false)
    })
  )
})
