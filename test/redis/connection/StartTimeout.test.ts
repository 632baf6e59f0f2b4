/** A client that is built while a server does not answer is ready when `startTimeout` is over. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as ClusterExecutor from "../../../src/redis/topology/ClusterExecutor.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import { connect, make, reply, runFor, silence } from "../../support/faults/ScriptedDriver.js"
import { until } from "../../support/until.js"

const isReady = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.map(Fiber.poll(fiber), Option.isSome)

describe("a client whose first dial hangs", () => {
  it.scoped("is ready without a connection after startTimeout, and the dial continues", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = "Hang"
      const building = yield* Effect.fork(connect(server, { startTimeout: "1 second", connectTimeout: "5 seconds" }))
      yield* runFor(999)
      expect(yield* isReady(building)).toBe(false)
      yield* runFor(1)
      const redis = yield* Fiber.join(building)
      expect((yield* redis.getStatus).state._tag).toBe("Connecting")
      expect(yield* Effect.flip(redis.get("key"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Connecting" })
      yield* runFor(4000)
      expect((yield* redis.getStatus).state._tag).toBe("Reconnecting")
      server.dial = "Accept"
      yield* runFor(1000)
      expect(yield* redis.isAvailable).toBe(true)
    })
  )

  it.scoped("is ready when the dial has ended, by default", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = "Hang"
      const building = yield* Effect.fork(connect(server, { connectTimeout: "5 seconds" }))
      yield* runFor(4999)
      expect(yield* isReady(building)).toBe(false)
      yield* runFor(1)
      expect((yield* (yield* Fiber.join(building)).getStatus).state._tag).toBe("Reconnecting")
    })
  )

  it.scoped("is ready when the dial has ended where that is earlier", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { startTimeout: "1 second" })
      expect((yield* redis.getStatus).state._tag).toBe("Connected")
    })
  )
})

describe("a client of a cluster whose servers hang", () => {
  it.scoped("is ready without a connection after startTimeout, and finds the slots later", () =>
    Effect.gen(function* () {
      const server = yield* make
      const slots = [[0, Slots.slotCount - 1, ["127.0.0.1", 7000, "node"]]]
      let answers = false
      server.answer = ({ args, command }) => {
        if (command !== "CLUSTER") return undefined
        if (!answers) return silence
        return reply(args[0] === "INFO" ? "cluster_state:ok" : slots)
      }
      const building = yield* Effect.fork(
        ClusterExecutor.make(
          { seeds: [{ host: "127.0.0.1", port: 7000 }], driverOf: () => server.driver },
          { startTimeout: "1 second", connectTimeout: "5 seconds" }
        )
      )
      yield* runFor(999)
      expect(yield* isReady(building)).toBe(false)
      yield* runFor(1)
      const { getStatus } = yield* Fiber.join(building)
      expect((yield* getStatus).connected).toBe(false)
      answers = true
      yield* until("it has read the slots", () =>
        Effect.zipRight(
          runFor(1000),
          Effect.map(getStatus, ({ connected }) => connected)
        )
      )
    })
  )

  it.scoped("dies while it is built where the driver does, whatever startTimeout is", () =>
    Effect.gen(function* () {
      const driverOf = () => {
        throw new Error("no such driver")
      }
      for (const startTimeout of ["1 second", Number.POSITIVE_INFINITY] as const) {
        const exit = yield* Effect.exit(
          ClusterExecutor.make({ seeds: [{ host: "127.0.0.1", port: 7000 }], driverOf }, { startTimeout })
        )
        expect(Exit.isFailure(exit) && String(exit.cause)).toContain("no such driver")
      }
    })
  )
})
