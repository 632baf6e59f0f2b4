/**
 * Timeouts that a stalled process does not cause. A process stalls when it computes, collects garbage or reaches its CPU
 * limit. It then runs its timers before it reads its sockets, and an answer that arrived long ago would become a timeout.
 *
 * Before a timer decides, the event loop therefore reads its sockets. After a stall it also gets time for commands that the
 * stall itself has delayed. Time is real time here, whatever the `Clock` of the program: a `TestClock` does not stall.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as MonotonicClock from "./MonotonicClock.js"

/** A timer that is later than this shows a stall. */
export const stallMillis = 20

/** After a stall, how long to wait for news, as a part of the timeout. */
const patience = 0.25

/** Turns of the event loop without news, after which its sockets are taken for empty. */
const quietTurns = 3

/** Bounds a loop in which there is always news: what is late without a stall is late. */
const maxTurns = 64

/** Sleeps, and answers how much later than asked the sleeper was woken. */
export const sleep = (millis: number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.flatMap(MonotonicClock.millis, (now) =>
      Effect.zipRight(
        Effect.sleep(millis),
        // a TestClock that is set far ahead is not late: no real time has passed
        Effect.map(MonotonicClock.millis, (after) => Math.min(after - now, performance.now() - began) - millis)
      )
    )
  })

const nothing = () => 0

/** Lets the event loop turn until there is no news. `news` changes with everything that arrives. */
const turns = (news: () => number): Effect.Effect<void> =>
  Effect.async((resume) => {
    let seen = news()
    let quiet = 0
    let left = maxTurns
    const turn = () => {
      const now = news()
      quiet = now === seen ? quiet + 1 : 0
      seen = now
      if (quiet >= quietTurns || --left === 0) resume(Effect.void)
      else setImmediate(turn)
    }
    setImmediate(turn)
  })

const pause = (millis: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })

/**
 * Waits until a timeout may be decided: until nothing has arrived for some turns of the event loop. After a stall it waits
 * until nothing has arrived for a quarter of the timeout, but at most for the timeout once more.
 */
export const settled = (
  timeoutMillis: number,
  wasStalled: () => boolean,
  news: () => number = nothing,
  isDecided: () => boolean = () => false
): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* turns(news)
    // read only now: these turns have sent the commands that a stall delayed
    if (!wasStalled()) return
    for (let rounds = 1 / patience; rounds > 0 && !isDecided(); rounds--) {
      const before = news()
      yield* pause(timeoutMillis * patience)
      yield* turns(news)
      if (news() === before) return
    }
  })

/** Ends when a time is over and the event loop has taken what arrived in it. */
const elapsed = (millis: number): Effect.Effect<void> =>
  Effect.interruptible(Effect.flatMap(sleep(millis), (late) => settled(millis, () => late > stallMillis)))

/** Like `Effect.timeoutFail`, but an answer that has arrived is no timeout, however late the process comes to read it. */
export const timeoutFail =
  <E1>({ duration, onTimeout }: { readonly duration: Duration.Duration; readonly onTimeout: () => E1 }) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | E1, R> =>
    Effect.raceFirst(self, Effect.zipRight(elapsed(Duration.toMillis(duration)), Effect.failSync(onTimeout)))

/** Like `timeoutFail`, with none in the place of an error. */
export const timeoutOption =
  (millis: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    Effect.raceFirst(Effect.asSome(self), Effect.as(elapsed(millis), Option.none()))
