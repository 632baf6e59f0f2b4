/** An impossible reply of a broken or hostile server is an error, and never a decision. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as BoardKeys from "../../src/coordination/leaderboard/BoardKeys.js"
import * as ReadScripts from "../../src/coordination/leaderboard/ReadScripts.js"
import * as JointScript from "../../src/coordination/limit/joint/JointScript.js"
import * as LimitRunner from "../../src/coordination/limit/LimitRunner.js"
import * as LockScripts from "../../src/coordination/lock/LockScripts.js"
import * as SemaphoreScripts from "../../src/coordination/lock/SemaphoreScripts.js"
import * as Token from "../../src/coordination/lock/Token.js"
import * as PresenceScripts from "../../src/coordination/presence/PresenceScripts.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as RemoteScripts from "../../src/coordination/remote/RemoteScripts.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import type { RedisReply } from "../../src/redis/RedisConnection.js"
import type { RedisError } from "../../src/redis/RedisError.js"
import { connect, make, reply, runFor } from "../support/faults/ScriptedDriver.js"
import { limitScripts } from "./limit/limitScripts.js"

const token = Token.LockToken.make("token")
const held = { key: "lock:a", channel: "{lock:a}:released", token }
const board = { keys: BoardKeys.make("b"), anyway: false }
const call = { key: "ratelimit:a", cost: 1, limit: 1, windowMillis: 1000, burst: 1 }
const joint = { inputs: [call, call], takes: true }

type Run = (redis: RedisClient.Service) => Effect.Effect<unknown, RedisError>

const never = Number.NaN

const cases: ReadonlyArray<readonly [what: string, run: Run, replies: ReadonlyArray<RedisReply>]> = [
  [
    "a lock",
    (redis) => redis.run(LockScripts.acquire)({ ...held, timeToLiveMillis: 1000 }),
    [[1, 0], [1, -1], [1, never], [1, 2 ** 53], [1, 1.5], [1, null], [1], [2, 7], [0, never], [0, -3], "OK", null]
  ],
  [
    "the extension of a lock",
    (redis) => redis.run(LockScripts.extend)({ ...held, timeToLiveMillis: 1000 }),
    [2, never, null]
  ],
  ["the release of a lock", (redis) => redis.run(LockScripts.release)(held), [-1, 2, never, "1"]],
  [
    "a semaphore",
    (redis) => redis.run(SemaphoreScripts.acquire)({ ...held, permits: 1, timeToLiveMillis: 1000 }),
    [[1, -1], [2, 0], [0, -1], [0, never], [0]]
  ],
  [
    "the extension of a permit",
    (redis) => redis.run(SemaphoreScripts.extend)({ ...held, timeToLiveMillis: 1000 }),
    [-1, 2]
  ],
  ["the release of a permit", (redis) => redis.run(SemaphoreScripts.release)(held), [-1, 2]],
  ...(["FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket"] as const).flatMap((algorithm): typeof cases => [
    [
      `a limit, ${algorithm}`,
      (redis) => LimitRunner.onClient(redis)(limitScripts[algorithm]).consume(call),
      [
        [0, 0, 1000, 0],
        [0, 0, 1000, -2],
        [0, -1, 0, 5],
        [0, 0, -1, 5],
        [1, 0, 1000, 5],
        [2, 0, 0, 0],
        [0, 0, 0, never]
      ]
    ],
    [
      `what is left of a limit, ${algorithm}`,
      (redis) => LimitRunner.onClient(redis)(limitScripts[algorithm]).peek(call),
      [
        [-1, 0],
        [0, -1]
      ]
    ]
  ]),
  ["a presence", (redis) => redis.run(PresenceScripts.count)({ key: "p" }), [-1, never, 2 ** 53]],
  ["whether somebody is online", (redis) => redis.run(PresenceScripts.isOnline)({ key: "p", member: "a" }), [-1, 2]],
  [
    "a page of a board",
    (redis) => redis.run(ReadScripts.page)({ ...board, offset: 0, limit: 5 }),
    [
      [2, 0, 0, [], []],
      [1, -1, 0, [], []],
      [1, 0, -1, [], []],
      [1, 0, 1, ["a"], []],
      [1, 0, 1, ["a", "1"]]
    ]
  ],
  [
    "several limits",
    (redis) => redis.run(JointScript.make([limitScripts.TokenBucket, limitScripts.FixedWindow]))(joint),
    [[], [1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1_000, 0], [1, 0, 0, 0, 1, 0, 0, 5], [1, 0, 0, 0, 1, 0, 0, 0, 1]]
  ],
  [
    "the limit of a remote API",
    (redis) => redis.run(RemoteScripts.reserve)({ key: "a", probeMillis: 1, pollMillis: 1 }),
    [
      [2, 0, 0],
      [0, -1, 0],
      [1, 0]
    ]
  ]
]

describe("a server with impossible replies", () => {
  for (const [what, run, replies] of cases) {
    it.scoped(`about ${what} fails the call with RedisProtocolError`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server)
        for (const value of replies) {
          server.answer = ({ command }) => (command.startsWith("EVAL") ? reply(value) : undefined)
          expect(yield* Effect.flip(run(redis)), JSON.stringify(value)).toMatchObject({ _tag: "RedisProtocolError" })
        }
      })
    )
  }

  it.scoped("to an acquisition with a fencing token of 0 runs no body, and causes no defect", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command.startsWith("EVAL") ? reply([1, 0]) : undefined)
      const locks = yield* Effect.provideService(DistributedLock.make, RedisClient, redis)
      const holding = locks.withLock("a", { timeToLive: "1 second", maxWait: "1 second" })(
        Effect.dieMessage("the body runs")
      )
      const fiber = yield* Effect.fork(Effect.flip(holding))
      yield* runFor(20_000)
      expect((yield* Fiber.join(fiber))._tag).toBe("RedisProtocolError")
    })
  )

  it.scoped("to a call on a limit with a wait of 0 is an outage, so that no caller retries without end", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command.startsWith("EVAL") ? reply([0, 0, 1000, 0]) : undefined)
      const limiter = yield* Effect.provideService(RateLimiter.make, RedisClient, redis)
      const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 minute", onUnavailable: "deny" })
      const result = yield* limiter.consume("a", limit)
      expect(result).toMatchObject({
        allowed: false,
        decision: { _tag: "Outage", error: { _tag: "RedisProtocolError" } }
      })
      expect(Duration.toMillis(result.retryAfter)).toBeGreaterThan(0)
      const before = server.sent.length
      const waiting = limiter.withLimit("ratelimit:a", limit, { onExceeded: "delay", maxWait: "10 seconds" })
      const fiber = yield* Effect.fork(Effect.flip(waiting(Effect.void)))
      yield* runFor(20_000)
      expect((yield* Fiber.join(fiber))._tag).toBe("RateLimitExceeded")
      expect(server.sent.slice(before).filter(({ command }) => command.startsWith("EVAL")).length).toBeLessThan(40)
    })
  )
})
