import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import { CacheKey } from "../../../src/cache/entry/CacheKey.js"
import * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import type { TierResult } from "../../../src/cache/tiers/TierRead.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import { tierOn } from "../../support/cache/redisTier.js"
import * as Executors from "../../support/faults/Executors.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle } from "../../support/until.js"

const numbers = EntryCodec.values(CacheCodec.make(Schema.Number))

const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const connection = yield* server.connect
  let failures = 0
  const { readTo, read, readKeys, readMany } = yield* tierOn(connection.redis, numbers, {
    onDecodeFailure: () => {
      failures++
    }
  })
  yield* settle
  yield* server.direct.set("{tier}:clear", "10")
  yield* server.direct.set("a", '{"created":20,"ttl":5,"value":1}')
  yield* server.direct.set("b", '{"created":30,"ttl":5,"value":"two"}')
  return { readTo, read, readKeys, readMany, connection, server, failures: () => failures }
})

describe("reads of one moment", () => {
  it.scoped("share one command, with each key once and the clear marker", () =>
    Effect.gen(function* () {
      const { connection, failures, read } = yield* world
      const before = connection.commands()
      const [a, again, b, c] = yield* Effect.all([read("a"), read("a"), read("b"), read("c")], {
        concurrency: "unbounded"
      })
      expect(connection.commands()).toBe(before + 1)
      expect(a).toEqual({
        _tag: "Found",
        entry: { value: 1, createdAt: 20, timeToLive: 5, tags: [], versionTag: undefined },
        createdAt: 20,
        text: '{"created":20,"ttl":5,"value":1}',
        trusted: true,
        serverTime: expect.any(Number)
      })
      // decoded once and shared
      expect(again.entry).toBe(a.entry)
      expect(b).toMatchObject({ entry: undefined, createdAt: 30, trusted: false })
      expect(c).toMatchObject({ entry: undefined, createdAt: 0, trusted: false })
      expect(failures()).toBe(1)
    })
  )

  it.scoped("all complete, also if a key is built anew between them", () =>
    Effect.gen(function* () {
      const { connection, readKeys } = yield* world
      const before = connection.commands()
      const answers = yield* readKeys([new CacheKey("a"), new CacheKey("b"), new CacheKey("a")])
      expect(connection.commands()).toBe(before + 1)
      expect(answers).toMatchObject([{ entry: { value: 1 } }, { createdAt: 30 }, { entry: { value: 1 } }])
    })
  )

  it.scoped("read the markers of their tags: with the value if its tags are known, else in a second command", () =>
    Effect.gen(function* () {
      const { connection, server, read } = yield* world
      yield* server.direct.set("tagged", '{"created":20,"ttl":5,"tags":["red","new"],"value":1}')
      yield* server.direct.set("{tier}:tag:red", "15")
      const before = connection.commands()
      // one of its markers is missing
      expect((yield* read("tagged")).trusted).toBe(false)
      expect(connection.commands()).toBe(before + 2)
      yield* server.direct.set("{tier}:tag:new", "19")
      expect((yield* read("tagged")).trusted).toBe(true)
      yield* server.direct.set("{tier}:tag:new", "20")
      expect((yield* read("tagged")).trusted).toBe(false)
      expect(connection.commands()).toBe(before + 4)
    })
  )

  it.scoped("treat markers of another connection than the value's as missing", () =>
    Effect.gen(function* () {
      const { connection, server } = yield* world
      yield* server.direct.set("tagged", '{"created":20,"ttl":5,"tags":["red"],"value":1}')
      yield* server.direct.set("{tier}:tag:red", "15")
      let elsewhere = 0
      const { read } = yield* tierOn(
        Executors.replacing(connection.redis, ({ unsafeMget }) => ({
          unsafeMget: (keys, onReply) => {
            const generation = 1 + elsewhere
            unsafeMget(keys, (reply) => onReply(Exit.map(reply, ({ value }) => ({ value, generation }))))
            elsewhere = 1 - elsewhere
          }
        })),
        numbers
      )
      yield* settle
      expect(yield* read("tagged")).toMatchObject({ entry: { value: 1 }, trusted: false })
      // its tags are known now, and their markers are read with it
      expect(yield* read("tagged")).toMatchObject({ entry: { value: 1 }, trusted: true })
    })
  )

  it.scoped("fail when the scope closes, sent or not", () =>
    Effect.gen(function* () {
      const { connection } = yield* world
      for (const isSent of [true, false]) {
        const scope = yield* Scope.make()
        let answerTooLate: (() => void) | undefined
        const tier = yield* Scope.extend(
          tierOn(
            Executors.replacing(connection.redis, () => ({
              unsafeMget: (keys, onReply) => {
                if (isSent) keys()
                answerTooLate = () => onReply(Exit.fail(new RedisTimeout({ command: "MGET", waitedMillis: 1 })))
              }
            })),
            numbers
          ),
          scope
        )
        const answers: Array<TierResult<unknown>> = []
        yield* settle
        tier.readTo("a", { onResult: (answer) => answers.push(answer) }, 0)
        yield* Scope.close(scope, Exit.void)
        answerTooLate?.()
        tier.readTo("a", { onResult: (answer) => answers.push(answer) }, 0)
        const closed = { _tag: "Failed", cause: { error: { reason: "Disabled" } } }
        expect(answers).toMatchObject([closed, closed])
      }
    })
  )

  it.scoped("fail with their command, and later reads are sent again", () =>
    Effect.gen(function* () {
      const { connection, read } = yield* world
      const timeout = new RedisTimeout({ command: "MGET", waitedMillis: 1000 })
      connection.failWith(timeout)
      const failures = yield* Effect.all([Effect.flip(read("a")), Effect.flip(read("b"))], {
        concurrency: "unbounded"
      })
      expect(failures).toMatchObject([{ error: timeout }, { error: timeout }])
      connection.failWith(undefined)
      expect((yield* read("a")).entry?.value).toBe(1)
    })
  )

  it.scoped("do not wait for earlier reads", () =>
    Effect.gen(function* () {
      const { connection, read } = yield* world
      const before = connection.commands()
      const release = connection.holdReplies("MGET")
      const first = yield* Effect.fork(read("a"))
      yield* settle
      const second = yield* Effect.fork(read("a"))
      yield* settle
      const interrupted = yield* Effect.fork(read("b"))
      yield* settle
      yield* Fiber.interrupt(interrupted)
      expect(connection.commands()).toBe(before + 3)
      yield* release
      expect([(yield* Fiber.join(first)).entry?.value, (yield* Fiber.join(second)).entry?.value]).toEqual([1, 1])
    })
  )
})
