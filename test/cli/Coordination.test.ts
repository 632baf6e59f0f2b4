import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../src/coordination/DistributedSemaphore.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import * as RunCli from "../support/cli/RunCli.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisServer from "../support/server/RedisServer.js"

const serverTest = <E>(title: string, test: (variables: RunCli.Variables) => Effect.Effect<unknown, E, RedisClient>) =>
  it.scopedLive(title, (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { port } = yield* RedisServer.make()
      yield* Effect.provide(
        test({ REDIS_URL: `redis://127.0.0.1:${port}` }),
        driverUnderTest.layer({ host: "127.0.0.1", port })
      )
    })
  )

const held = { timeToLive: "1 minute", maxWait: 0 } as const

describe("effect-cache locks", () => {
  serverTest("lists holders of locks and permits with their tokens, and the time until they end", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const none = yield* RunCli.run(variables, "locks")
        expect(none.all).toBe("no lock and no permit is held")
        const locks = yield* DistributedLock.make
        const semaphores = yield* DistributedSemaphore.make
        const lock = yield* locks.tryAcquire("settle:{ada}", held)
        yield* semaphores.tryAcquire("mail", { ...held, permits: 2 })
        yield* semaphores.tryAcquire("mail", { ...held, permits: 2 })
        const output = yield* RunCli.run(variables, "locks", "--json")
        expect(RunCli.json(output)).toMatchObject({
          holders: [
            {
              kind: "lock",
              key: "settle:{ada}",
              token: lock._tag === "Some" ? lock.value.token : "",
              fencingToken: expect.stringMatching(/^\d+$/)
            },
            { kind: "semaphore", key: "mail", endsInMillis: expect.any(Number) },
            { kind: "semaphore", key: "mail" }
          ],
          hasMore: false
        })
        expect((yield* RunCli.run(variables, "locks")).all).toMatch(
          /^lock +settle:\{ada\} +held by \S+ +ends in (1m|59s)/m
        )
      })
    )
  )

  serverTest("reset a lock, and wake the caller that waits for it", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const locks = yield* DistributedLock.make
        const token = yield* locks.acquireLock("door", "1 hour")
        expect(token._tag).toBe("Some")
        const refused = yield* RunCli.run(variables, "locks", "reset", "door")
        expect(refused.exitCode).toBe(2)
        const waiting = yield* Effect.fork(
          locks.withLock("door", { timeToLive: "1 minute", maxWait: "1 minute" })(Effect.succeed("acquired"))
        )
        const reset = yield* RunCli.run(variables, "locks", "reset", "door", "--yes")
        expect(reset).toMatchObject({ exitCode: 0, out: ["released the lock door"] })
        expect(yield* Fiber.join(waiting)).toBe("acquired")
        const again = yield* RunCli.run(variables, "locks", "reset", "door", "--yes")
        expect(again).toMatchObject({ exitCode: 1, err: [expect.stringContaining("nobody holds the lock door")] })
      })
    )
  )

  serverTest("reset all permits of a semaphore", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const semaphores = yield* DistributedSemaphore.make
        yield* semaphores.tryAcquire("mail", { ...held, permits: 2 })
        yield* semaphores.tryAcquire("mail", { ...held, permits: 2 })
        const output = yield* RunCli.run(variables, "locks", "reset", "mail", "--semaphore", "--yes", "--json")
        expect(RunCli.json(output)).toMatchObject({ kind: "semaphore", released: [{ key: "mail" }, { key: "mail" }] })
        expect((yield* RunCli.run(variables, "locks")).all).toBe("no lock and no permit is held")
      })
    )
  )
})

describe("effect-cache limits", () => {
  const logins = RateLimiter.slidingLog({ limit: 2, window: "1 hour", onUnavailable: "deny" })
  const mails = RateLimiter.fixedWindow({ limit: 10, window: "1 hour", onUnavailable: "deny" })
  const numbers = ["--algorithm", "sliding-log", "--limit", "2", "--window", "1 hour"]

  serverTest("list the keys that are counted, and by the application's numbers those that are out", (variables) =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      yield* limiter.consume("login:ada", logins, { cost: 2 })
      yield* limiter.consume("login:bob", logins)
      yield* limiter.consume("mail:ada", mails, { cost: 3 })
      const all = yield* RunCli.run(variables, "limits", "--json")
      expect(RunCli.json(all)).toMatchObject({
        limits: [
          { algorithm: "fixed-window", key: "mail:ada", used: 3 },
          { algorithm: "sliding-log", key: "login:ada" },
          { algorithm: "sliding-log", key: "login:bob" }
        ]
      })
      const measured = yield* RunCli.run(variables, "limits", ...numbers)
      expect(measured.all).toMatch(/login:ada +OUT, whole again in (1h|59m)/)
      expect(measured.all).toMatch(/login:bob +1 left/)
      expect(measured.all).not.toContain("mail:ada")
    })
  )

  serverTest("reset a key: the application's next call is allowed", (variables) =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      yield* limiter.consume("login:ada", logins, { cost: 2 })
      expect((yield* RunCli.run(variables, "limits", "reset", "login:ada")).exitCode).toBe(2)
      expect((yield* limiter.peek("login:ada", logins)).remaining).toBe(0)
      expect((yield* RunCli.run(variables, "limits", "reset", "login:ada", "--yes")).exitCode).toBe(0)
      expect((yield* limiter.consume("login:ada", logins)).allowed).toBe(true)
    })
  )

  it.live("end with 2 for numbers that cannot be right, and name the option", () =>
    Effect.gen(function* () {
      const nowhere = { REDIS_URL: "redis://127.0.0.1:1" }
      const few = yield* RunCli.run(nowhere, "limits", "--limit", "2")
      expect(few).toMatchObject({ exitCode: 2, err: [expect.stringContaining("--algorithm, --limit and --window")] })
      const wrong = yield* RunCli.run(
        nowhere,
        "limits",
        "--algorithm",
        "sliding-log",
        "--limit",
        "2",
        "--window",
        "0 seconds"
      )
      expect(wrong).toMatchObject({ exitCode: 2, err: [expect.stringContaining("window")] })
    })
  )
})
