/**
 * What this release leaves in Redis. Processes of two releases share it, so a change here is a change of the stored form, which
 * docs/versions.md allows only as it says.
 */
import { expect, layer } from "@effect/vitest"
import * as EffectArray from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as Counter from "../../src/coordination/Counter.js"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../src/coordination/DistributedSemaphore.js"
import * as Leaderboard from "../../src/coordination/Leaderboard.js"
import * as Presence from "../../src/coordination/Presence.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import type { RedisReply } from "../../src/redis/RedisConnection.js"
import { onServer } from "../support/server/clientLayers.js"
import { until } from "../support/until.js"

/** Times, tokens and the names of processes differ from run to run. */
const masked = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, "<uuid>")
    .replace(/\b\d{13}(\.\d+)?\b/g, "<millis>")
    .replace(/\b\d{16}\b/g, "<micros>")
    .replace(/\b\d{6}(?=:1:0$)/, "<window>")

const readers: Readonly<Record<string, (key: string) => readonly [string, ...ReadonlyArray<string>]>> = {
  string: (key) => ["GET", key],
  hash: (key) => ["HGETALL", key],
  list: (key) => ["LRANGE", key, "0", "-1"],
  set: (key) => ["SMEMBERS", key],
  zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"]
}

/** The parts of a reply, which another protocol nests in another way. */
const partsOf = (reply: RedisReply): ReadonlyArray<string> => {
  if (Array.isArray(reply)) return reply.flatMap(partsOf)
  if (typeof reply === "object" && reply !== null) return Object.entries(reply).flat().map(String)
  return [String(reply)]
}

/** The fields of a hash have no order. */
const inOrder = (type: string, parts: ReadonlyArray<string>): ReadonlyArray<string> =>
  type === "hash"
    ? EffectArray.chunksOf(parts, 2)
        .map((pair) => pair.join(" "))
        .sort()
    : parts

/** Every key of the database with its type and its masked content. */
const contents = Effect.gen(function* () {
  const client = yield* RedisClient
  const found: Record<string, string> = {}
  for (const key of partsOf(yield* client.send("KEYS", "*"))) {
    const type = String(yield* client.send("TYPE", key))
    const parts = partsOf(yield* client.send(...(readers[type]?.(key) ?? ["DUMP", key])))
    found[key] = masked([type, ...inOrder(type, parts)].join(" "))
  }
  return found
})

const cleared = Effect.flatMap(RedisClient, (client) => client.flushDb)

class Missing extends Schema.TaggedError<Missing>()("Missing", {}) {}

const users = TypedCache.make({
  name: "user",
  key: Schema.String,
  value: Schema.Struct({ name: Schema.String, since: Schema.DateFromSelf, tries: Schema.BigIntFromSelf }),
  timeToLive: "1 hour",
  jitter: 0,
  tags: () => ["team"],
  lookup: (id) =>
    id === "9" ? Effect.fail(new Missing()) : Effect.succeed({ name: "Ada", since: new Date(0), tries: 3n }),
  negative: { error: Missing, timeToLive: "1 minute" }
})

layer(onServer, { excludeTestServices: true })("the stored form", (it) => {
  it.scoped("of a cache is its entries, with the markers of clear and tags", () =>
    Effect.gen(function* () {
      yield* cleared
      const cache = yield* users
      yield* cache.clear
      yield* cache.invalidateTag("team")
      yield* cache.refresh("7")
      yield* Effect.either(cache.refresh("9"))
      expect(yield* contents).toEqual({
        "user:7":
          'string {"created":<millis>,"ttl":3600000,"tags":["team"],' +
          '"value":{"name":"Ada","since":"1970-01-01T00:00:00.000Z","tries":"3"}}',
        "user:9": 'string {"created":<millis>,"ttl":60000,"error":{"_tag":"Missing"}}',
        "{user}:clear": "string <millis>",
        "{user}:tag:team": "string <millis>",
        "{user}:tags": "string <millis>"
      })
    })
  )

  it.scoped("of locks and semaphores is a token, a fencing token and a set of permits", () =>
    Effect.gen(function* () {
      yield* cleared
      const locks = yield* DistributedLock.make
      yield* locks.tryAcquire("door", { timeToLive: "1 minute" })
      const semaphore = yield* DistributedSemaphore.make
      yield* semaphore.tryAcquire("pool", { permits: 2, timeToLive: "1 minute" })
      expect(yield* contents).toEqual({
        "lock:door": "string <uuid>",
        "{lock:door}:fence": "string <micros>",
        "semaphore:pool": "zset <uuid> <millis>"
      })
    })
  )

  it.scoped("of rate limits is one key for each algorithm", () =>
    Effect.gen(function* () {
      yield* cleared
      const limiter = yield* RateLimiter.make
      const numbers = { limit: 5, window: "1 hour", onUnavailable: "deny" } as const
      yield* limiter.consume("fixed", RateLimiter.fixedWindow(numbers))
      yield* limiter.consume("log", RateLimiter.slidingLog(numbers))
      yield* limiter.consume("counter", RateLimiter.slidingCounter(numbers))
      yield* limiter.consume("bucket", RateLimiter.tokenBucket(numbers))
      expect(yield* contents).toEqual({
        "ratelimit:fixed": "string 1",
        "{ratelimit:log}:log": "zset <micros>:1 <micros>",
        "{ratelimit:counter}:counter": "string <window>:1:0",
        "{ratelimit:bucket}:bucket": "string <micros>:0:5:3600000"
      })
    })
  )

  it.scoped("of counters, presence and leaderboards is a number, and sorted sets with their arrivals", () =>
    Effect.gen(function* () {
      yield* cleared
      const counter = yield* Counter.make({ key: "visits" })
      yield* counter.increment
      const presence = yield* Presence.make({ key: "lobby", timeToLive: "1 minute" })
      yield* presence.beat("ada")
      const board = yield* Leaderboard.make({ key: "chess", metadata: Schema.parseJson(Schema.String) })
      yield* board.submit("ada", 1200, { metadata: "red" })
      expect(yield* contents).toEqual({
        "counters:visits": "string 1",
        "presence:lobby": "zset ada <millis>",
        "leaderboard:chess": "zset ada 1200",
        "{leaderboard:chess}:ranked": "zset 9007199254740990ada 1200",
        "{leaderboard:chess}:arrivals": "hash :ada <micros> last 1",
        "{leaderboard:chess}:metadata": 'hash :ada "red"'
      })
    })
  )

  it.scoped("of a message between the processes of a cache is one line of JSON for each change", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const cache = yield* users
      const heard: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(client.subscribe("effect-cache-toolkit:user"), (event) =>
          Effect.sync(() => {
            heard.push(event._tag === "Message" ? masked(event.message) : event._tag)
          })
        )
      )
      yield* until("it listens", () => heard.length > 0)
      yield* cache.invalidate("7")
      yield* cache.invalidateTag("team")
      yield* cache.clear
      yield* until("all are heard", () => heard.length > 3)
      expect(heard).toEqual([
        "Gap",
        '{"from":"<uuid>","kind":"key","key":"user:7"}',
        '{"from":"<uuid>","kind":"tag","key":"team"}',
        '{"from":"<uuid>","kind":"clear"}'
      ])
    })
  )
})
