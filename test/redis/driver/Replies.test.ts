import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { RedisArgument, RedisReply } from "../../../src/redis/RedisConnection.js"
import { test, title } from "../../support/faults/FaultSuite.js"
import { driverNames, load } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"

type Step = readonly [expected: unknown, command: string, ...args: ReadonlyArray<RedisArgument>]

/** Commands in their order on an empty database, each with its reply as RESP3 has it. */
const steps: ReadonlyArray<Step> = [
  [3, "ZADD", "z", "1.5", "a", "inf", "b", "-1e300", "c"],
  [1.5, "ZSCORE", "z", "a"],
  [null, "ZSCORE", "z", "nobody"],
  [[1.5, null, Number.POSITIVE_INFINITY], "ZMSCORE", "z", "a", "nobody", "b"],
  [["c", "a", "b"], "ZRANGE", "z", 0, -1],
  [
    [
      ["b", Number.POSITIVE_INFINITY],
      ["a", 1.5],
      ["c", -1e300]
    ],
    "ZREVRANGE",
    "z",
    0,
    -1,
    "WITHSCORES"
  ],
  [[["a", 1.5]], "zrangebyscore", "z", 0, 9, "withscores"],
  [2.75, "ZINCRBY", "z", "1.25", "a"],
  [3.75, "ZADD", "z", "INCR", 1, "a"],
  [null, "ZADD", "z", "NX", "INCR", 1, "a"],
  [["c", -1e300], "ZPOPMIN", "z"],
  [[["b", Number.POSITIVE_INFINITY]], "ZPOPMAX", "z", 1],
  [[], "ZPOPMIN", "none"],
  [["z", [["a", 3.75]]], "ZMPOP", 1, "z", "MIN"],
  [2, "hset", "h", "__proto__", "1", "field", ""],
  [{ ["__proto__"]: "1", field: "" }, "HGETALL", "h"],
  [{}, "HGETALL", "none"],
  [[["field", ""]], "HRANDFIELD", "only", 1, "WITHVALUES"],
  [["x"], "SMEMBERS", "s"],
  [1, "EXISTS", "s"],
  [[null, "text"], "MGET", "none", "text"],
  ["OK", "MSET", "m1", "1", "m2", new Uint8Array([50])],
  ["2", "GET", "m2"],
  [Number("9223372036854775807"), "INCRBY", "long", "9223372036854775807"],
  [["0", []], "SCAN", "0", "MATCH", "none"],
  [{ maxmemory: "0" }, "CONFIG", "GET", "maxmemory"],
  [{ stream: [["1-1", ["field", "value"]]] }, "XREAD", "STREAMS", "stream", "0"],
  [null, "XREAD", "STREAMS", "stream", "9"],
  [[1, null, "text", ["5"]], "EVAL", "return {1, false, 'text', {'5'}}", 0],
  ["0.1", "EVAL", "return tostring(0.1)", 0],
  ["PONG", "PING"]
]

const seeds: ReadonlyArray<readonly [command: string, ...args: ReadonlyArray<RedisArgument>]> = [
  ["FLUSHDB"],
  ["HSET", "only", "field", ""],
  ["SADD", "s", "x"],
  ["SET", "text", "text"],
  ["XADD", "stream", "1-1", "field", "value"]
]

describe("a driver", () => {
  for (const name of driverNames) {
    test(title(`delivers the replies of RESP3, whichever protocol it speaks (${name})`), () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const { driver } = yield* Effect.promise(() => load(name))
        const connection = yield* driver({ port: server.port }).connect
        const send = (command: string, args: ReadonlyArray<RedisArgument>): Effect.Effect<RedisReply> =>
          Effect.promise(() => connection.send(command, args))
        for (const [command, ...args] of seeds) yield* send(command, args)
        for (const [expected, command, ...args] of steps) {
          expect(yield* send(command, args), [command, ...args].join(" ")).toEqual(expected)
        }
      })
    )

    test(title(`writes and reads bytes as they are, and answers in the order of the calls (${name})`), () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const { driver } = yield* Effect.promise(() => load(name))
        const connection = yield* driver({ port: server.port }).connect
        const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 256)
        // a view into a larger buffer, and texts before and after it in the same turn
        const view = bytes.subarray(3, 150_003)
        const replies = yield* Effect.promise(() =>
          Promise.all([
            connection.send("INCR", ["n"]),
            connection.send("SET", ["bytes", view]),
            connection.send("INCR", ["n"]),
            connection.sendBuffer("bytes"),
            connection.send("SET", ["long", "ä".repeat(100_000)]),
            connection.send("STRLEN", ["long"]),
            connection.send("INCR", ["n"])
          ])
        )
        const [first, set, second, stored, , length, third] = replies
        expect([first, set, second, length, third]).toEqual([1, "OK", 2, 200_000, 3])
        expect(Buffer.from(stored as Uint8Array).equals(view)).toBe(true)
        expect(yield* Effect.promise(() => connection.sendBuffer("none"))).toBe(null)
        expect(connection.bufferedAmount()).toBe(0)
      })
    )

    test(title(`says why the server rejected a command (${name})`), () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const { driver } = yield* Effect.promise(() => load(name))
        const { connect, toError } = driver({ port: server.port })
        const connection = yield* connect
        const rejection = (command: string, args: ReadonlyArray<RedisArgument>) =>
          Effect.flip(
            Effect.tryPromise({ try: () => connection.send(command, args), catch: (cause) => toError(command, cause) })
          )
        yield* Effect.promise(() => connection.send("SADD", ["s", "x"]))
        expect(yield* rejection("GET", ["s"])).toMatchObject({ _tag: "RedisServerError", code: "WRONGTYPE" })
        expect(yield* rejection("EVALSHA", ["0".repeat(40), 0])).toMatchObject({ code: "NOSCRIPT" })
        const lost = rejection("BLPOP", ["nothing", 0])
        const ended = yield* Effect.fork(lost)
        yield* Effect.yieldNow()
        yield* server.kill
        expect(yield* ended).toMatchObject({ _tag: "RedisConnectionLost", command: "BLPOP" })
        expect(yield* rejection("PING", [])).toMatchObject({ _tag: "RedisConnectionLost", command: "PING" })
      })
    )
  }
})
