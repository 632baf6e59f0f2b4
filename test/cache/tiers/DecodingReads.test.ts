/** The texts that one command brings, whatever they are: each caller gets what its own decodes to. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import * as CacheEntry from "../../../src/cache/entry/CacheEntry.js"
import * as ContentEncoding from "../../../src/cache/entry/ContentEncoding.js"
import * as Encryption from "../../../src/cache/entry/Encryption.js"
import * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import type { TierResult } from "../../../src/cache/tiers/TierRead.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import { valuesOf, world } from "../../support/cache/TierWorld.js"
import { settle } from "../../support/until.js"

const numbers = EntryCodec.values(CacheCodec.make(Schema.Number))

const texts = EntryCodec.values(CacheCodec.make(Schema.String))

describe("the texts under the keys of one command", () => {
  const encryption = Either.getOrThrow(
    Encryption.make([{ id: "key-1", key: Redacted.make(Buffer.alloc(32, 1).toString("base64")) }])
  )

  const encoded = (options: Partial<ContentEncoding.ContentEncodingOptions>) =>
    ContentEncoding.make(texts, {
      compression: undefined,
      encryption: undefined,
      serverTime: Effect.succeed(20),
      ...options
    })

  const attributes = { timeToLive: 5, tags: [], versionTag: undefined }

  const written = (codec: EntryCodec.EntryCodec<string>, key: string, value: string) =>
    Effect.map(
      codec.encode(key, value, attributes),
      (content) => `{"created":20,${CacheEntry.body(attributes, content)}`
    )

  it.scoped("may be compressed or plain, short or so long that they decompress in another thread", () =>
    Effect.gen(function* () {
      const codec = encoded({ compression: { above: 10 } })
      const { commands, readMany, server, undecodable } = yield* world(codec)
      // pseudo-random, so that its compressed form stays too long for the calling thread
      let seed = 1
      const word = () => {
        seed = (seed * 48_271) % 2_147_483_647
        return seed.toString(36)
      }
      const long = Array.from({ length: 20_000 }, word).join()
      const values = ["a", "b".repeat(1_000), long, "d"]
      for (const [i, value] of values.entries()) {
        yield* server.direct.set(`k${i}`, yield* written(codec, `k${i}`, value))
      }
      expect(yield* server.direct.get("k1")).toMatchObject({ value: expect.stringContaining('"compression":"gzip"') })
      expect(yield* server.direct.get("k2")).toMatchObject({ value: expect.stringContaining('"compression":"gzip"') })
      yield* server.direct.set("cut", '{"created":20,"ttl":5,"compression":"gzip","value":"H4sIAAAA"}')
      const answers = yield* readMany(["k0", "k1", "cut", "k2", "k3", "none"])
      expect(valuesOf(answers)).toEqual(["a", "b".repeat(1_000), undefined, long, "d", undefined])
      expect(answers.map((answer) => answer._tag === "Found" && answer.trusted)).toEqual([
        true,
        true,
        false,
        true,
        true,
        false
      ])
      expect(undecodable).toEqual(["cut"])
      expect(commands).toHaveLength(1)
    })
  )

  it.scoped("may be encrypted: a plain one, or one for another key, does not decode and affects no other", () =>
    Effect.gen(function* () {
      const codec = encoded({ encryption })
      const { readMany, server, store, undecodable } = yield* world(codec)
      yield* server.direct.set("a", yield* written(codec, "a", "one"))
      yield* server.direct.set("b", yield* written(codec, "a", "one"))
      yield* store("c", '"plain"')
      yield* server.direct.set("d", yield* written(codec, "d", "four"))
      const answers = yield* readMany(["a", "b", "c", "d"])
      expect(valuesOf(answers)).toEqual(["one", undefined, undefined, "four"])
      expect(answers[1]).toMatchObject({ createdAt: 20, trusted: false })
      expect(undecodable).toEqual(["b", "c"])
    })
  )

  it.scoped("resume no caller twice when the scope closes while they decode", () =>
    Effect.gen(function* () {
      const slow: EntryCodec.EntryCodec<string> = { ...texts, decode: () => Effect.never }
      const { readTo, scope, store } = yield* world(slow)
      yield* store("a", '"one"')
      const answers: Array<TierResult<unknown>> = []
      for (const key of ["a", "b"]) readTo(key, { onResult: (answer) => answers.push(answer) }, 0)
      yield* settle
      expect(answers).toEqual([])
      yield* Scope.close(scope, Exit.void)
      yield* settle
      const closed = { _tag: "Failed", cause: { error: { reason: "Disabled" } } }
      expect(answers).toMatchObject([closed, closed])
    })
  )

  const unlucky = (n: number) => {
    if (n === 13) throw new Error("unlucky")
    return n
  }

  const numberThat = (decode: (n: number) => Effect.Effect<number>) =>
    EntryCodec.values(
      CacheCodec.make(
        Schema.transformOrFail(Schema.Number, Schema.Number, { strict: true, decode, encode: Effect.succeed })
      )
    )

  for (const [how, codec] of [
    [
      "in the call",
      {
        ...numbers,
        decode: (key: string, stored: CacheEntry.StoredEntry) => {
          unlucky(Number(stored.content.text))
          return numbers.decode(key, stored)
        }
      }
    ],
    ["in its schema", numberThat((n) => Effect.succeed(unlucky(n)))],
    ["in an effect", numberThat((n) => Effect.as(Effect.yieldNow(), n).pipe(Effect.map(unlucky)))]
  ] as const) {
    it.scoped(`may make the codec throw ${how}: such a text is a counted miss and affects no other`, () =>
      Effect.gen(function* () {
        const { connection, readMany, store, undecodable } = yield* world<number>(codec)
        for (const [key, value] of [
          ["a", 1],
          ["b", 13],
          ["c", 3]
        ] as const) {
          yield* store(key, `${value}`)
        }
        for (let i = 0; i < 2; i++) {
          const [a, b, c] = yield* readMany(["a", "b", "c"])
          expect(b).toMatchObject({ _tag: "Found", entry: undefined, trusted: false })
          expect(undecodable).toHaveLength(i + 1)
          expect([a, c]).toMatchObject([{ entry: { value: 1 } }, { entry: { value: 3 } }])
        }
        // and later reads do not join a command that was sent
        connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1 }))
        expect((yield* readMany(["a"]))[0]).toMatchObject({ _tag: "Failed" })
      })
    )
  }

  it.scoped("may be anything that another program stored", () =>
    Effect.gen(function* () {
      const { readMany, server, store, undecodable } = yield* world(numbers)
      const hostile: Record<string, string> = {
        empty: "",
        foreign: "hello",
        cut: '{"created":20,"ttl":5,"value":',
        deep: `{"created":20,"ttl":5,"value":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
        prototype: '{"created":20,"ttl":5,"value":{"__proto__":{"x":1}}}',
        far: '{"created":999999999999999,"ttl":999999999999999,"value":1}',
        tags: `{"created":20,"ttl":5,"tags":[${Array(20_000).fill('"a"').join()}],"value":1}`,
        escape: '{"created":20,"ttl":5,"tags":["\\x"],"value":1}',
        version: '{"created":20,"ttl":5,"version":9,"value":1}',
        remembered: '{"created":20,"ttl":5,"error":1}'
      }
      for (const [key, text] of Object.entries(hostile)) yield* server.direct.set(key, text)
      yield* server.direct.zadd("set", 1, "member")
      yield* store("good", "1")
      const keys = [...Object.keys(hostile), "set", "good"]
      const answers = yield* readMany(keys)
      const trusted = keys.filter((_, i) => {
        const answer = answers[i]
        return answer?._tag === "Found" && answer.trusted
      })
      expect(trusted).toEqual(["far", "good"])
      expect(undecodable.sort()).toEqual(
        ["cut", "deep", "empty", "escape", "foreign", "prototype", "remembered", "version"].sort()
      )
    })
  )
})
