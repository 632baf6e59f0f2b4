import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Keyspace from "../../../src/redis/memory/Keyspace.js"
import * as ByteString from "../../../src/redis/memory/store/ByteString.js"
import * as Store from "../../../src/redis/memory/store/Store.js"
import type { RedisArgument, RedisReply } from "../../../src/redis/RedisConnection.js"
import type { ScriptContext } from "../../../src/redis/RedisScript.js"

/** A keyspace with a clock, for tests that tell a story. */
const makeStory = (options?: { readonly maxKeys?: number }) => {
  let keyspace = Keyspace.make(options)
  let now = 1_000_000
  const published: Array<readonly [string, string]> = []
  const environment = () => ({ now, publish: (...message: [string, string]) => published.push(message) })
  const take = ({ keyspace: next, reply }: Keyspace.Execution) => {
    keyspace = next
    return reply instanceof Keyspace.ErrorReply ? reply.message : reply
  }
  return {
    published,
    keyspace: () => keyspace,
    advance: (millis: number) => {
      now += millis
    },
    run: (command: string, ...args: ReadonlyArray<RedisArgument>) =>
      take(Keyspace.execute(keyspace, environment(), command, args)),
    script: (model: (context: ScriptContext) => RedisReply, ...args: ReadonlyArray<RedisArgument>) =>
      take(Keyspace.runScript(keyspace, environment(), { name: "story", model }, ["key"], args)),
    getBytes: (key: string) => Keyspace.getBytes(keyspace, now, key).bytes
  }
}

/** Every key, by as many SCANs as it takes. */
const scanAll = (run: ReturnType<typeof makeStory>["run"], count: number, between: () => void = () => {}) => {
  const found: Array<RedisReply> = []
  let cursor = "0"
  do {
    const [next, keys] = run("SCAN", cursor, "COUNT", count) as [string, ReadonlyArray<string>]
    found.push(...keys)
    cursor = next
    between()
  } while (cursor !== "0")
  return found
}

describe("a keyspace", () => {
  describe("in time", () => {
    it("has a key until the instant its time has come", () => {
      const { advance, run } = makeStory()
      run("SET", "key", "value", "PX", 100)
      advance(99)
      expect([run("GET", "key"), run("PTTL", "key")]).toEqual(["value", 1])
      advance(1)
      expect([run("GET", "key"), run("PTTL", "key"), run("DBSIZE")]).toEqual([null, -2, 0])
    })

    it("rounds a TTL to the nearest second", () => {
      const { run } = makeStory()
      run("SET", "key", "value", "PX", 1499)
      expect(run("TTL", "key")).toBe(1)
      run("PEXPIRE", "key", 1500)
      expect(run("TTL", "key")).toBe(2)
    })

    it("does not count, scan or bring back what has expired", () => {
      const { advance, run } = makeStory()
      for (let i = 0; i < 100; i++) run("SET", `short:${i}`, "value", "EX", 1)
      run("SET", "long", "value")
      advance(1000)
      expect([run("DBSIZE"), scanAll(run, 10), run("INCR", "short:99"), run("TTL", "short:99")]).toEqual([
        1,
        ["long"],
        1,
        -1
      ])
    })

    it("clears away expired keys while other commands run, a few at a time", () => {
      const { advance, keyspace, run } = makeStory()
      for (let i = 0; i < 40; i++) run("SET", `short:${i}`, "value", "EX", 1)
      advance(1000)
      const held = () => keyspace().slots.root?.size ?? 0
      const sizes = [held()]
      for (let i = 0; i < 3; i++) {
        run("PING")
        sizes.push(held())
      }
      expect(sizes).toEqual([40, 24, 8, 0])
      expect([keyspace().expiries.root, keyspace().uses.root, keyspace().nextExpiry]).toEqual([
        undefined,
        undefined,
        Infinity
      ])
    })

    it("takes an equal time for neither a longer nor a shorter life", () => {
      const { run } = makeStory()
      run("SET", "key", "value", "PXAT", 2_000_000)
      expect([run("PEXPIREAT", "key", 2_000_000, "GT"), run("PEXPIREAT", "key", 2_000_000, "LT")]).toEqual([0, 0])
    })

    it("stores nothing that has expired already", () => {
      const { run } = makeStory()
      run("SET", "key", "value")
      expect([run("SET", "key", "new", "PXAT", 1), run("GET", "key")]).toEqual(["OK", null])
    })
  })

  describe("with a bound", () => {
    it("gives up the key that was used least recently", () => {
      const { run } = makeStory({ maxKeys: 3 })
      for (const key of ["a", "b", "c"]) run("SET", key, key)
      run("GET", "a")
      run("SET", "d", "d")
      expect(run("MGET", "a", "b", "c", "d")).toEqual(["a", null, "c", "d"])
    })

    it("takes asking whether a key exists, or how long it lives, for no use of it", () => {
      const { run } = makeStory({ maxKeys: 2 })
      for (const key of ["a", "b"]) run("SET", key, key)
      for (const command of ["EXISTS", "TTL", "TYPE"]) run(command, "a")
      run("SET", "c", "c")
      expect(run("EXISTS", "a")).toBe(0)
    })

    it("gives up an expired key before any other, even in a script that writes more than is cleared away", () => {
      const { advance, run, script } = makeStory({ maxKeys: 20 })
      run("SET", "old", "value")
      for (let i = 0; i < 19; i++) run("SET", `short:${i}`, "value", "EX", 1)
      advance(1000)
      script(({ call }) => {
        for (let i = 0; i < 19; i++) call("SET", `new:${i}`, "value")
        return null
      })
      expect([run("EXISTS", "old"), run("DBSIZE")]).toEqual([1, 20])
    })

    it.prop(
      "never holds more keys, nor gives up one of the most recently used",
      [
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { minLength: 50, maxLength: 300 })
      ],
      ([maxKeys, uses]) => {
        const { run } = makeStory({ maxKeys })
        const recent: Array<string> = []
        const safe = Math.floor((maxKeys * 7) / 8)
        for (const [write, id] of uses) {
          const key = `key:${id}`
          const known = recent.indexOf(key)
          const reply = write ? run("SET", key, "value") : run("GET", key)
          if (known >= 0 && known < safe && !write) expect(reply).toBe("value")
          if (known >= 0) recent.splice(known, 1)
          if (write || reply !== null) recent.unshift(key)
          expect(run("DBSIZE")).toBeLessThanOrEqual(maxKeys)
        }
      }
    )

    it("changes nothing when a key in steady use is read", () => {
      const { keyspace, run } = makeStory()
      for (let i = 0; i < 100; i++) run("SET", `key:${i}`, "value")
      const before = keyspace()
      run("GET", "key:0")
      expect(keyspace()).toBe(before)
    })
  })

  describe("scanned", () => {
    it.prop(
      "shows each key once when nothing changes",
      [fc.nat(200), fc.integer({ min: 1, max: 50 })],
      ([size, count]) => {
        const { run } = makeStory()
        const keys = Array.from({ length: size }, (_, i) => `key:${i}`)
        for (const key of keys) run("SET", key, "value")
        expect(scanAll(run, count).sort()).toEqual(keys.sort())
      }
    )

    it("shows keys together that the cursor cannot tell apart", () => {
      const { run } = makeStory()
      // both hash to 5861321
      for (const key of ["8t", "fj"]) run("SET", key, "value")
      expect(run("SCAN", 0, "COUNT", 1)).toEqual(["0", ["8t", "fj"]])
    })

    it("shows every key that stays, while others come and go and it is written", () => {
      const { run } = makeStory({ maxKeys: 1000 })
      const staying = Array.from({ length: 50 }, (_, i) => `staying:${i}`)
      for (const key of staying) run("SET", key, "value")
      let turn = 0
      const found = scanAll(run, 3, () => {
        turn++
        for (const key of staying) run("APPEND", key, "!")
        for (let i = 0; i < 5; i++) run("SET", `passing:${turn}:${i}`, "value")
        run("DEL", `passing:${turn - 1}:0`)
      })
      expect(staying.filter((key) => !found.includes(key))).toEqual([])
    })
  })

  describe("of bytes", () => {
    it.prop("gives back any bytes exactly", [fc.uint8Array({ maxLength: 20 })], ([bytes]) => {
      const { getBytes, run } = makeStory()
      run("SET", "key", bytes)
      expect([getBytes("key"), run("STRLEN", "key")]).toEqual([bytes, bytes.length])
    })

    it.prop(
      "orders members with equal scores by their bytes",
      [fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 })],
      ([a, b]) => {
        expect(ByteString.Order(ByteString.fromBytes(a), ByteString.fromBytes(b))).toBe(Math.sign(Buffer.compare(a, b)))
      }
    )

    it.prop(
      "orders text as its UTF-8 form",
      [fc.string({ unit: "binary", maxLength: 4 }), fc.string({ unit: "binary", maxLength: 4 })],
      ([a, b]) => {
        const [first, second] = [a.toWellFormed(), b.toWellFormed()]
        expect(ByteString.Order(first, second)).toBe(Math.sign(Buffer.compare(Buffer.from(first), Buffer.from(second))))
      }
    )

    it("takes a text and its bytes for the same key", () => {
      const { run } = makeStory()
      run("SET", "é", "value")
      expect(run("GET", new TextEncoder().encode("é"))).toBe("value")
    })

    it("puts the halves of a character together", () => {
      const { run } = makeStory()
      run("APPEND", "key", Uint8Array.of(0xc3))
      expect(run("GET", "key")).toBe("\uFFFD")
      run("APPEND", "key", Uint8Array.of(0xa9))
      expect(run("GET", "key")).toBe("é")
    })

    it("gives scripts bytes that they can compare and pass on", () => {
      const { getBytes, run, script } = makeStory()
      run("SET", "key", Uint8Array.of(0xff))
      const sameAs = ({ args: [arg], call, keys: [key = ""] }: ScriptContext) => {
        const stored = call("GET", key)
        if (typeof stored === "string") call("SET", "copy", stored)
        return stored === arg
      }
      expect([script(sameAs, Uint8Array.of(0xff)), script(sameAs, Uint8Array.of(0xfe)), getBytes("copy")]).toEqual([
        1,
        null,
        Uint8Array.of(0xff)
      ])
    })
  })

  describe("under a script", () => {
    it("keeps what was done before an error ended it", () => {
      const { run, script } = makeStory()
      const reply = script(({ call, keys: [key = ""] }) => {
        call("SET", key, "text")
        call("SADD", key, "member")
        return "not reached"
      })
      expect(reply).toBe("WRONGTYPE Operation against a key holding the wrong kind of value script: story")
      expect(run("GET", "key")).toBe("text")
    })

    it("answers as values of Lua arrive", () => {
      const { script } = makeStory()
      expect(script(() => [1.9, -1.9, true, false, "text", null, ["nested"]])).toEqual([
        1,
        -1,
        1,
        null,
        "text",
        null,
        ["nested"]
      ])
    })

    it("tells the time and publishes", () => {
      const { advance, published, script } = makeStory()
      advance(234)
      expect(script(({ call }) => [call("TIME"), call("PUBLISH", "channel", "message")])).toEqual([
        ["1000", "234000"],
        1
      ])
      expect(published).toEqual([["channel", "message"]])
    })

    it("lets a defect of the model through", () => {
      const { script } = makeStory()
      expect(() => script(() => JSON.parse("{"))).toThrow(SyntaxError)
    })
  })

  it("keeps a keyspace as it was when another is made from it", () => {
    const { keyspace, run } = makeStory()
    run("SET", "key", "before")
    const before = keyspace()
    run("SET", "key", "after", "EX", 1)
    run("DEL", "key")
    expect(Keyspace.get(before, 1_000_000, "key").text).toBe("before")
    expect(Store.size(before, 1_000_000)).toBe(1)
  })

  it("has a hash or a set no more when the last of it is gone, with others that were never there", () => {
    const { run } = makeStory()
    run("HSET", "hash", "n", "", "m", "")
    run("SADD", "set", "n", "m")
    const gone = ["__proto__", Uint8Array.of(128), "n", "m", "more"]
    expect([run("HDEL", "hash", ...gone), run("SREM", "set", ...gone)]).toEqual([2, 2])
    expect([run("TYPE", "hash"), run("TYPE", "set"), run("DBSIZE")]).toEqual(["none", "none", 0])
  })

  it("answers an unknown command as a server does", () => {
    const { run } = makeStory()
    expect(run("nope", "a", 1)).toBe("ERR unknown command 'nope', with args beginning with: 'a' '1' ")
  })
})
