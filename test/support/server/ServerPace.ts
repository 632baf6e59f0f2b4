/** Measures how slowly a server answers that no fault concerns: what a busy machine adds to each command. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as LoopDelay from "../LoopDelay.js"
import * as AdminConnection from "./AdminConnection.js"
import * as ServerNode from "./ServerNode.js"
import * as ServerProcess from "./ServerProcess.js"

export interface ServerPace {
  /** the longest time that a PING has taken so far, without that in which the event loop stood still, in milliseconds */
  readonly slowestMillis: () => number
}

/** Measures on a server of its own, as long as the scope is open. */
export const measure: Effect.Effect<ServerPace, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* ServerProcess.temporaryDirectory("server-pace-")
  const server = yield* ServerNode.make({ args: (port) => ServerNode.sharedArgs({}, port, directory) })
  yield* server.start
  const send = yield* AdminConnection.open(server.url)
  yield* Effect.promise(() => send("PING"))
  const delay = yield* LoopDelay.measure
  let slowest = 0
  const ping = Effect.suspend(() => {
    const stoodStill = delay.totalMillis()
    return Effect.map(Effect.timed(Effect.promise(() => send("PING"))), ([duration]) => {
      slowest = Math.max(slowest, Duration.toMillis(duration) - (delay.totalMillis() - stoodStill))
    })
  })
  yield* Effect.forkScoped(Effect.repeat(ping, Schedule.spaced("10 millis")))
  return { slowestMillis: () => slowest }
})
