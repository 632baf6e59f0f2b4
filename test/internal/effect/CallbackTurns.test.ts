/** A fiber that waits by `Callback` continues in the turn of its answer. */
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scheduler from "effect/Scheduler"
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

describe("a fiber that waits in turn", () => {
  /** Forks a fiber that waits and then notes its answer, and answers what resumes it. */
  const noting = (notes: Array<string>, effect: (waiting: Effect.Effect<string>) => Effect.Effect<string>) =>
    Effect.gen(function* () {
      let resume: Resume<string, never> | undefined
      const waiting = Callback.makeInTurn<string>((resumeThis) => {
        resume = resumeThis
      })
      const fiber = yield* Effect.fork(Effect.map(effect(waiting), (answer) => notes.push(answer)))
      yield* settle
      return { fiber, resume: (answer: string) => resume?.(Exit.succeed(answer)) }
    })

  it.effect("continues within the call that resumes it, up to where it waits again", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const { fiber, resume } = yield* noting(notes, (waiting) =>
        Effect.tap(waiting, (answer) =>
          Effect.zipRight(
            Effect.sync(() => notes.push(`${answer} at once`)),
            Effect.yieldNow()
          )
        )
      )
      resume("a")
      expect(notes).toEqual(["a at once"])
      yield* Fiber.join(fiber)
      expect(notes).toEqual(["a at once", "a"])
    })
  )

  it.effect(
    "continues within the call also where it must not be interrupted, and keeps its interruption until then",
    () =>
      Effect.gen(function* () {
        const notes: Array<string> = []
        const { fiber, resume } = yield* noting(notes, (waiting) =>
          Effect.uninterruptible(Effect.tap(waiting, (answer) => Effect.sync(() => notes.push(`${answer} at once`))))
        )
        resume("a")
        expect(notes).toEqual(["a at once", "a"])
        yield* Fiber.join(fiber)

        const cut = yield* noting(notes, (waiting) =>
          Effect.uninterruptible(Effect.tap(waiting, (answer) => Effect.sync(() => notes.push(`${answer} at once`))))
        )
        yield* Fiber.interruptFork(cut.fiber)
        yield* settle
        expect(yield* Fiber.poll(cut.fiber)).toEqual(Option.none())
        cut.resume("b")
        expect(notes).toEqual(["a at once", "a", "b at once"])
        expect(Exit.isInterrupted(yield* Fiber.await(cut.fiber))).toBe(true)
      })
  )

  it.effect("is left to its scheduler where that is one of its own", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const tasks: Array<() => void> = []
      const scheduler: Scheduler.Scheduler = {
        shouldYield: () => false,
        scheduleTask: (task) => void tasks.push(task)
      }
      const work = () => {
        for (const task of tasks.splice(0)) task()
      }
      const { resume } = yield* noting(notes, (waiting) => Effect.withScheduler(waiting, scheduler))
      work()
      yield* settle
      resume("a")
      expect(notes).toEqual([])
      work()
      yield* settle
      work()
      expect(notes).toEqual(["a"])
    })
  )

  it.effect("ends by the interruption that came before its answer, in the same turn", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const { fiber, resume } = yield* noting(notes, (waiting) => waiting)
      yield* Fiber.interruptFork(fiber)
      fiber.unsafeInterruptAsFork(fiber.id())
      resume("a")
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(notes).toEqual([])
    })
  )

  it.effect(
    "is given no answer of an earlier wait, neither while it cleans up nor while it waits for something else",
    () =>
      Effect.gen(function* () {
        const notes: Array<string> = []
        const other = waiting(Callback.makeInTurn)
        const { fiber, resume } = yield* noting(notes, (waitingFor) =>
          Effect.onInterrupt(waitingFor, () =>
            Effect.map(other.effect, (n) => notes.push(`cleaned ${n}`)).pipe(Effect.orDie)
          )
        )
        yield* Fiber.interruptFork(fiber)
        yield* settle
        resume("a")
        yield* settle
        expect(notes).toEqual([])
        other.resume(Exit.succeed(1))
        resume("b")
        yield* Fiber.await(fiber)
        expect(notes).toEqual(["cleaned 1"])
      })
  )

  it.effect("leaves nothing behind by which a later wait that must not be interrupted would end", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const other = waiting(Callback.makeInTurn)
      const { fiber, resume } = yield* noting(notes, (first) =>
        Effect.zipLeft(first, Effect.uninterruptible(Effect.orDie(other.effect)))
      )
      resume("a")
      yield* Fiber.interruptFork(fiber)
      yield* settle
      expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
      other.resume(Exit.succeed(1))
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    })
  )

  it.effect("may wake another one, interrupt it, and be interrupted by it", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const second = yield* noting(notes, (waiting) => waiting)
      const third = yield* noting(notes, (waiting) => waiting)
      const first = yield* noting(notes, (waiting) =>
        Effect.tap(waiting, () =>
          Effect.sync(() => {
            second.resume("second")
            third.fiber.unsafeInterruptAsFork(third.fiber.id())
            third.resume("third")
          })
        )
      )
      first.resume("first")
      expect(notes).toEqual(["second", "first"])
      expect(Exit.isInterrupted(yield* Fiber.await(third.fiber))).toBe(true)
      const cut = yield* noting(notes, (waiting) =>
        Effect.zipLeft(
          waiting,
          Effect.withFiberRuntime<void>((self) => {
            self.unsafeInterruptAsFork(self.id())
            return Effect.yieldNow()
          })
        )
      )
      cut.resume("cut")
      expect(Exit.isInterrupted(yield* Fiber.await(cut.fiber))).toBe(true)
    })
  )

  it.effect("keeps nobody from an answer by what its observers throw, which is thrown later", () =>
    Effect.gen(function* () {
      const notes: Array<string> = []
      const first = yield* noting(notes, (waiting) => waiting)
      const second = yield* noting(notes, (waiting) => waiting)
      const defect = new Error("an observer's")
      first.fiber.addObserver(() => {
        throw defect
      })
      const thrown: Array<unknown> = []
      const queued = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
        try {
          task()
        } catch (error) {
          thrown.push(error)
        }
      })
      first.resume("first")
      second.resume("second")
      queued.mockRestore()
      expect(notes).toEqual(["first", "second"])
      expect(thrown).toEqual([defect])
    })
  )

  it.effect("comes back any number of times without the stack growing", () =>
    Effect.gen(function* () {
      const resumes: Array<Resume<number, never>> = []
      const wait = Callback.makeInTurn<number>((resume) => void resumes.push(resume))
      const depths: Array<number> = []
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 2_000 }), () =>
          Effect.map(wait, () => depths.push(new Error().stack?.split("\n").length ?? 0))
        )
      )
      yield* settle
      for (let resume = resumes.pop(); resume !== undefined; resume = resumes.pop()) resume(Exit.succeed(1))
      yield* Fiber.join(fiber)
      expect(new Set(depths).size).toBeLessThan(10)
      expect(depths).toHaveLength(2_000)
    })
  )

  it.effect("has its interruption seen by what it is raced with, timed out by and joined by", () =>
    Effect.gen(function* () {
      const losing = waiting(Callback.makeInTurn)
      const winning = waiting(Callback.makeInTurn)
      const racing = yield* Effect.fork(Effect.race(losing.effect, winning.effect))
      yield* settle
      winning.resume(Exit.succeed(2))
      losing.resume(Exit.succeed(1))
      expect(yield* Fiber.join(racing)).toBe(2)
    })
  )
})
