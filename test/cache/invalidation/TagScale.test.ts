/** The cost of tags over many entries and several processes, on a server that counts its commands. */

import { fileURLToPath } from "node:url"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { connect, eventually, testWith } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as TaggedCache from "../processes/TaggedCache.js"

const { databaseKey, entries, idsWith, tagOf } = TaggedCache

const program = fileURLToPath(new URL("../processes/tagReader.ts", import.meta.url))

/** A process that reads the ids that it receives. */
const startReader = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, program, `${port}`], { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
      ),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return child.exited
        })
    ),
    (child) => {
      const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
      return (ids: ReadonlyArray<number>) =>
        Effect.promise(async (): Promise<ReadonlyArray<readonly [string, number]>> => {
          child.stdin.write(`${JSON.stringify(ids)}\n`)
          child.stdin.flush()
          let line = ""
          while (!line.endsWith("\n")) {
            const { done, value } = await output.read()
            if (done) throw new Error("the process has ended")
            line += value
          }
          return JSON.parse(line)
        })
    }
  )

/** How often the server has run each command since the last reset. */
const calls = (server: RedisServer.RedisServer) =>
  Effect.map(server.send("INFO", "commandstats"), (stats) =>
    Object.fromEntries(
      [...String(stats).matchAll(/cmdstat_(get|set|del|unlink|scan|keys|publish|evalsha|eval|pttl):calls=(\d+)/g)].map(
        ([, name, count]) => [name, Number(count)]
      )
    )
  )

describe("the tags of a cache", () => {
  testWith("counts of commands")(
    `are invalidated at the same cost for few and for many of ${entries} entries`,
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* connect(
          { host: "127.0.0.1", port: server.port },
          // a heartbeat of the subscription is a PUBLISH too
          { commandTimeout: "20 seconds", heartbeatInterval: "1 hour" }
        )
        const cache = yield* Effect.provideService(TaggedCache.make, RedisClient, redis)
        /** The commands that the server runs for one invalidation of a tag. */
        const invalidated = (id: number) =>
          Effect.gen(function* () {
            yield* server.send("CONFIG", "RESETSTAT")
            expect(yield* cache.invalidateTag(tagOf(id))).toBe(true)
            return yield* calls(server)
          })

        // from now on the server knows each script
        yield* cache.get(0)
        yield* cache.invalidateTag(tagOf(0))
        yield* cache.get(0)
        const ofOne = yield* invalidated(0)

        // one entry of each tag is looked up, and the others stored as the cache would store them
        const filled = Array.from({ length: TaggedCache.tagCount }, (_, id) => id)
        yield* cache.getMany(filled)
        const text = Option.getOrThrow(yield* redis.get("tagged:0"))
        for (let from = filled.length; from < entries; from += 10_000) {
          yield* Effect.forEach(
            Array.from({ length: Math.min(10_000, entries - from) }, (_, i) => from + i),
            (id) =>
              redis.set(`tagged:${id}`, text.replace(`"${tagOf(0)}"`, `"${tagOf(id)}"`), { timeToLive: "1 hour" }),
            { concurrency: "unbounded", discard: true }
          )
        }
        expect(Number(yield* server.send("DBSIZE"))).toBeGreaterThan(entries)
        const readers = yield* Effect.replicateEffect(startReader(server.port), 4)
        for (const read of readers) {
          expect(yield* read(idsWith(7))).toEqual(idsWith(7).map(() => ["Redis", 1]))
        }

        yield* redis.set(databaseKey, "2")
        expect(yield* invalidated(7)).toEqual(ofOne)
        const answers = yield* Effect.forEach(readers, (read) => read([...idsWith(7), ...idsWith(8)]), {
          concurrency: "unbounded"
        })
        for (const answer of answers) {
          expect(answer.slice(0, idsWith(7).length).map(([, version]) => version)).toEqual(idsWith(7).map(() => 2))
          expect(answer.slice(idsWith(7).length)).toEqual(idsWith(8).map(() => ["Redis", 1]))
        }
      }),
    { timeout: 180_000 }
  )
})

describe("a server that is full", () => {
  testWith("a few megabytes of memory")(
    "evicts any markers and entries, and never brings back an invalidated value",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make({ evictsBeyondMegabytes: 3 })
        const redis = yield* connect({ host: "127.0.0.1", port: server.port }, { commandTimeout: "20 seconds" })
        const versions = new Map<number, number>()
        const make = TypedCache.make({
          name: "full",
          key: Schema.NumberFromString,
          value: Schema.Struct({ version: Schema.Number, ballast: Schema.String }),
          timeToLive: "1 hour",
          tags: (_value, id) => [`${id % 20}`],
          lookup: (id) => Effect.sync(() => ({ version: versions.get(id) ?? 0, ballast: "x".repeat(2_000) }))
        }).pipe(Effect.provideService(RedisClient, redis))
        const [one, other] = [yield* make, yield* make]
        const ids = Array.from({ length: 1_000 }, (_, i) => i)
        for (let round = 1; round <= 8; round++) {
          const tag = round % 20
          for (const id of ids) if (id % 20 === tag) versions.set(id, round)
          expect(yield* one.invalidateTag(`${tag}`)).toBe(true)
          const read = yield* Effect.forEach([one, other], (cache) => cache.getMany(ids))
          for (const values of read) {
            expect(values.map(({ version }) => version)).toEqual(ids.map((id) => versions.get(id) ?? 0))
          }
        }
        const evicted = /evicted_keys:(\d+)/.exec(String(yield* server.send("INFO", "stats")))?.[1]
        expect(Number(evicted)).toBeGreaterThan(1_000)
        // without this, a cache that looks everything up would pass
        yield* eventually(
          "something is cached",
          Effect.map(other.getOption(0), Option.isSome).pipe(Effect.zipLeft(Effect.ignore(other.get(0))))
        )
      }),
    { timeout: 120_000 }
  )
})
