import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Keyspace from "../../../src/redis/memory/Keyspace.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import { testOnAnyWith } from "../../support/faults/FaultSuite.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { anyProgram, dumpAll, generatedCommands } from "../../support/programs/programArbitraries.js"
import { compare } from "../../support/programs/programs.js"

describe("the keyspace and a server", () => {
  it("are compared on every command that the keyspace knows", () => {
    expect(Keyspace.commands.filter((command) => !generatedCommands.includes(command))).toEqual([])
  })

  testOnAnyWith("Redis 7.0's view of odd arguments")("give the same reply to every command of random programs", () =>
    compare({ programs: anyProgram, observe: () => dumpAll, numRuns: 5000 })
  )

  testOnAnyWith("replies in Lua as Redis gives them")("give scripts the same view of every kind of reply", () =>
    compareScript(anyCall, fc.record({ key: fc.constantFrom("{k}a", "{k}b"), words: fc.constantFrom(...calls) }), {
      numRuns: 1000
    })
  )
})

const calls: ReadonlyArray<ReadonlyArray<string>> = [
  "SET 5|SET é|GET|GETDEL|INCRBY 3|STRLEN|MGET|GET too many",
  "TYPE|EXISTS|EXPIRE 60|DEL|NOPE",
  "ZADD 1 a 2.5 b inf c|ZADD INCR 3 a|ZINCRBY -inf c|ZSCORE b|ZSCORE no|ZRANK b|ZRANGE 0 -1|ZRANGE 0 -1 WITHSCORES",
  "HSET f 1|HGETALL|HMGET f no|HINCRBY f 2|SADD one|SMEMBERS|SISMEMBER one"
].flatMap((group) => group.split("|").map((call) => call.split(" ")))

/** Runs one command and writes afterwards, so that work before an error can be distinguished from work that was not done. */
const anyCall = RedisScript.make({
  name: "anyCall",
  idempotent: false,
  keys: ({ key }: { readonly key: string; readonly words: ReadonlyArray<string> }) => [key, "{k}log"],
  args: ({ words }) => words,
  lua: `
    redis.call("APPEND", KEYS[2], ARGV[1])
    local reply = redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
    redis.call("APPEND", KEYS[2], "!")
    if type(reply) == "table" and reply.ok then return reply.ok end
    return {reply, reply == false, type(reply)}
  `,
  reply: Schema.Unknown,
  model: ({ args: [name = "", ...rest], call, keys: [key = "", log = ""] }) => {
    call("APPEND", log, name)
    const reply = call(name, key, ...rest)
    call("APPEND", log, "!")
    if (reply === "OK" || (name === "TYPE" && typeof reply === "string")) return reply
    return [reply, reply === null, luaType(reply)]
  }
})

const luaType = (reply: unknown): string => (reply === null ? "boolean" : Array.isArray(reply) ? "table" : typeof reply)
