import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Flight from "../../../src/cache/load/Flight.js"
import * as SingleFlight from "../../../src/cache/load/SingleFlight.js"

type Load<A, E> = (flight: Flight.Flight<A, E>) => Effect.Effect<Flight.Completed<A>, E>

const started =
  <A, E>(load: Load<A, E>): Flight.Start<A, E> =>
  (flight) =>
    flight.run(
      Effect.suspend(() => load(flight)),
      flight.end.bind(flight)
    )

/** Flights whose loads are effects. */
const makeFlights = <A, E>() =>
  Effect.map(SingleFlight.make<A, E>({ redis: undefined }), (flights) => ({
    load: (
      key: string,
      epoch: number,
      load: Load<A, E>,
      options?: { readonly alone?: boolean; readonly awaitsEnd?: boolean }
    ) => flights.load(key, epoch, started(load), options),
    start: (key: string, epoch: number, load: Load<A, E>) => flights.start(key, epoch, started(load), () => {})
  }))

/** Flights with a load that counts its runs and ends when the test completes it. */
const world = Effect.gen(function* () {
  const flights = yield* makeFlights<string, string>()
  const answer = yield* Deferred.make<string, string>()
  const counts = { started: 0, interrupted: 0, running: 0 }
  const load: Load<string, string> = (flight) =>
    Effect.suspend(() => {
      counts.started++
      counts.running++
      return Deferred.await(answer)
    }).pipe(
      Effect.onInterrupt(() => Effect.sync(() => counts.interrupted++)),
      Effect.ensuring(Effect.sync(() => counts.running--)),
      Effect.map((value) => ({ value, joinedBefore: flight.joined() }))
    )
  return { flights, answer, counts, load }
})

/** Lets every fiber run until it waits. */
const settle = Effect.yieldNow().pipe(Effect.repeatN(50))

describe("a single flight", () => {
  it.scoped("runs one load for all callers that join it", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      const callers = yield* Effect.forkAll(Array.from({ length: 100 }, () => flights.load("k", 0, load)))
      yield* settle
      expect(counts.started).toBe(1)
      yield* Deferred.succeed(answer, "value")
      const answers = yield* Fiber.join(callers)
      expect(new Set(answers.map(({ value }) => value))).toEqual(new Set(["value"]))
    })
  )

  it.scoped("runs another load for another key, and for another epoch of the same key", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      const callers = yield* Effect.forkAll([
        flights.load("k", 0, load),
        flights.load("other", 0, load),
        flights.load("k", 1, load),
        flights.load("k", 1, load)
      ])
      yield* settle
      expect(counts.started).toBe(3)
      yield* Deferred.succeed(answer, "value")
      yield* Fiber.join(callers)
    })
  )

  it.scoped("runs another load for a caller with `alone`, which no other caller joins", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      yield* Effect.fork(flights.load("k", 0, load, { alone: true }))
      yield* settle
      yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      expect(counts.started).toBe(2)
      yield* Deferred.succeed(answer, "value")
    })
  )

  it.scoped("continues for the other callers when its first caller is interrupted", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      const first = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      const second = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(answer, "value")
      expect(yield* Fiber.join(second)).toEqual({ value: "value", late: false, joined: true })
      expect(counts).toEqual({ started: 1, interrupted: 0, running: 0 })
    })
  )

  it.scoped("stops when its last caller is interrupted, and starts again for the next caller", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      const callers = yield* Effect.forEach(Array.from({ length: 3 }), () => Effect.fork(flights.load("k", 0, load)))
      yield* settle
      yield* Fiber.interruptAll(callers)
      yield* settle
      expect(counts).toEqual({ started: 1, interrupted: 1, running: 0 })
      const next = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      yield* Deferred.succeed(answer, "value")
      expect((yield* Fiber.join(next)).value).toBe("value")
    })
  )

  it.scoped("keeps the flight of a later epoch when one of an earlier epoch ends", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      const earlier = yield* Deferred.make<Flight.Completed<string>>()
      const first = yield* Effect.fork(flights.load("k", 0, () => Deferred.await(earlier)))
      yield* settle
      const second = yield* Effect.fork(flights.load("k", 1, load))
      yield* settle
      yield* Deferred.succeed(earlier, { value: "earlier", joinedBefore: 1 })
      expect((yield* Fiber.join(first)).value).toBe("earlier")
      const third = yield* Effect.fork(flights.load("k", 1, load))
      yield* settle
      expect(counts.started).toBe(1)
      yield* Deferred.succeed(answer, "value")
      expect([(yield* Fiber.join(second)).value, (yield* Fiber.join(third)).value]).toEqual(["value", "value"])
    })
  )

  it.scoped("accepts no caller for a load that is being interrupted and has not ended", () =>
    Effect.gen(function* () {
      const { answer, flights, load } = yield* world
      const stubborn = yield* Deferred.make<void>()
      const caller = yield* Effect.fork(
        flights.load("k", 0, () => Effect.onInterrupt(Effect.never, () => Deferred.await(stubborn)))
      )
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(answer, "value")
      const next = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      const answered = yield* Fiber.poll(next)
      yield* Deferred.succeed(stubborn, undefined)
      expect(Option.isSome(answered)).toBe(true)
    })
  )

  it.scoped("does not keep an interrupted caller waiting for the end of the load", () =>
    Effect.gen(function* () {
      const flights = yield* makeFlights<string, never>()
      const stubborn = yield* Deferred.make<void>()
      const caller = yield* Effect.fork(
        flights.load("k", 0, () => Effect.onInterrupt(Effect.never, () => Deferred.await(stubborn)))
      )
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(stubborn, undefined)
    })
  )

  it.scoped("passes its failure to every caller unchanged, and a defect as a defect", () =>
    Effect.gen(function* () {
      const flights = yield* makeFlights<string, { readonly _tag: "Gone" }>()
      const gone = { _tag: "Gone" } as const
      const failing = yield* Effect.forkAll(
        Array.from({ length: 3 }, () => Effect.exit(flights.load("k", 0, () => Effect.fail(gone))))
      )
      expect(yield* Fiber.join(failing)).toEqual([Exit.fail(gone), Exit.fail(gone), Exit.fail(gone)])
      const dying = yield* Effect.exit(flights.load("k", 0, () => Effect.die("broken")))
      expect(dying).toEqual(Exit.die("broken"))
    })
  )

  it.scoped("reports to each caller whether it was late for the value", () =>
    Effect.gen(function* () {
      const flights = yield* makeFlights<string, never>()
      const read = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const load: Load<string, never> = (flight) =>
        Effect.gen(function* () {
          yield* Deferred.await(read)
          const joinedBefore = flight.joined()
          yield* Deferred.await(end)
          return { value: "value", joinedBefore }
        })
      const early = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      yield* Deferred.succeed(read, undefined)
      yield* settle
      const late = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      yield* Deferred.succeed(end, undefined)
      expect((yield* Fiber.join(early)).late).toBe(false)
      expect((yield* Fiber.join(late)).late).toBe(true)
    })
  )

  it.scoped("accepts no caller once it is closed, and still answers the callers in it", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      let close = () => {}
      const first = yield* Effect.fork(
        flights.load("k", 0, (flight) => {
          close = () => flight.close()
          return load(flight)
        })
      )
      yield* settle
      close()
      const second = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      expect(counts.started).toBe(2)
      yield* Deferred.succeed(answer, "value")
      expect((yield* Fiber.join(first)).value).toBe("value")
      expect((yield* Fiber.join(second)).value).toBe("value")
    })
  )

  it.scoped("runs once in the background without a caller, and outlives callers that join and leave", () =>
    Effect.gen(function* () {
      const { answer, counts, flights, load } = yield* world
      yield* Effect.asVoid(flights.start("k", 0, load))
      yield* Effect.asVoid(flights.start("k", 0, load))
      yield* settle
      const visitor = yield* Effect.fork(flights.load("k", 0, load))
      yield* settle
      yield* Fiber.interrupt(visitor)
      yield* settle
      expect(counts).toEqual({ started: 1, interrupted: 0, running: 1 })
      yield* Deferred.succeed(answer, "value")
      yield* settle
      expect(counts.running).toBe(0)
    })
  )

  it.effect("ends with its scope, and answers every caller, then and later", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { flights, load } = yield* Scope.extend(world, scope)
      const caller = yield* Effect.fork(Effect.exit(flights.load("k", 0, load)))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* settle
      expect(Option.isSome(yield* Fiber.poll(caller))).toBe(true)
      const late = yield* Effect.fork(Effect.exit(flights.load("k", 0, load)))
      yield* settle
      expect(Option.isSome(yield* Fiber.poll(late))).toBe(true)
    })
  )
})
