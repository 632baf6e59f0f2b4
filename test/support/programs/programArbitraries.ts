/**
 * Random programs of every command that the model knows: few keys and members, so that they meet; all kinds of text and
 * bytes; arguments that are wrong in every way that a server checks.
 */
import * as fc from "effect/FastCheck"
import type { RedisArgument } from "../../../src/redis/RedisConnection.js"
import { advance, command, dump, Instant, type Program, type Step } from "./programs.js"

const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

const textKeys = ["a", "b", "c", "", "é:{tag}", "😀", "\uE000[*]", "lone \uD800"]

/** two of them more often than all others together, so that commands meet; one holds bytes that are no text */
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b") },
  { weight: 2, arbitrary: fc.constantFrom<Array<RedisArgument>>(...textKeys, bytes(0xff, 0x61)) }
)

const number = fc.oneof(
  fc.constantFrom("0", "1", "-1", "2", "10", "007", "+1", " 1", "1 ", "1.5", "-0", "x", "", "0x10"),
  fc.constantFrom("9223372036854775807", "-9223372036854775808", "9223372036854775808", "9007199254740993"),
  fc.integer({ min: -5, max: 5 }).map(String)
)

const value: fc.Arbitrary<RedisArgument> = fc.oneof(
  number,
  fc.constantFrom<Array<RedisArgument>>("", "text", "é", "😀", "\uFEFFbom", "lone \uDC80", "nul\0", "\uFFFD", 42),
  fc.constantFrom(
    bytes(),
    bytes(0xff, 0xfe),
    bytes(0xc3),
    bytes(0xa9),
    bytes(0xef, 0xbb, 0xbf),
    bytes(0xed, 0xa0, 0x80)
  ),
  fc.string({ unit: "binary", maxLength: 5 }),
  fc.uint8Array({ maxLength: 4 })
)

const member = fc.constantFrom<Array<RedisArgument>>(
  ...["m", "n", "mm", "", "10", "é", "\uD7FF", "\uE000", "\uFFFF", "😀", "\u{10FFFF}", "__proto__"],
  bytes(0x80),
  bytes(0x6d, 0xff)
)

const score = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("0", "1", "2", "3", "-1", "1.5", "2.5") },
  { weight: 1, arbitrary: fc.constantFrom("inf", "-inf", "+Infinity", "-0", "1e3", "5.", ".5", "1e400", "1e-400") },
  { weight: 1, arbitrary: fc.constantFrom("nan", "x", "", " 1", "1 ", "1e", "0.1", "1e300", "-1e300") }
)

const bound = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("-inf", "+inf", "inf") },
  { weight: 4, arbitrary: fc.constantFrom("0", "1", "2", "3", "(0", "(1", "(2", "(1.5", "-1") },
  { weight: 1, arbitrary: fc.constantFrom("(inf", "(-inf", "", "(", "x", "((1", " 1", "1e400", "nan") }
)

const rank = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  { weight: 1, arbitrary: number }
)

/**
 * Times to live and the steps of time are multiples of five seconds, absolute times stand in between: then neither what a
 * run takes on a server nor its fraction of a second makes a difference.
 */
const fiveSeconds = 5000
const millis = fc.constantFrom(1, 2, 3, 4, 20).map((times) => times * fiveSeconds)

const badTime = fc.constantFrom("0", "-1", "x", "1.5", "-9223372036854775808")
/** fits into 64 bits, but not as milliseconds, or not after now */
const endlessTime = fc.constantFrom("9223372036854775807")

type Args = ReadonlyArray<RedisArgument | Instant>

const some = (...parts: ReadonlyArray<fc.Arbitrary<RedisArgument | Instant | Args>>): fc.Arbitrary<Args> =>
  fc.tuple(...parts).map((args) => args.flat() as Args)

const many = (part: fc.Arbitrary<RedisArgument | Args>): fc.Arbitrary<Args> =>
  fc.array(part, { minLength: 1, maxLength: 4 }).map((args) => args.flat() as Args)

const maybe = (part: fc.Arbitrary<Args>): fc.Arbitrary<Args> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: part })

const flags = (...names: ReadonlyArray<string>): fc.Arbitrary<Args> =>
  maybe(fc.array(fc.constantFrom(...names, ...names.map((name) => name.toLowerCase())), { minLength: 1, maxLength: 2 }))

const lifetime = (unit: 1 | 1000): fc.Arbitrary<RedisArgument> =>
  fc.oneof(
    { weight: 5, arbitrary: millis.map((millis) => millis / unit) },
    { weight: 1, arbitrary: fc.oneof(badTime, endlessTime) }
  )

const future = (unit: 1 | 1000): fc.Arbitrary<RedisArgument | Instant> =>
  fc.oneof(
    { weight: 5, arbitrary: millis.map((inMillis) => new Instant(inMillis + 4000, unit)) },
    { weight: 1, arbitrary: unit === 1 ? badTime : fc.oneof(badTime, endlessTime) }
  )

const instant = (unit: 1 | 1000): fc.Arbitrary<RedisArgument | Instant> =>
  fc.oneof({ weight: 5, arbitrary: future(unit) }, { weight: 1, arbitrary: fc.constant(new Instant(-60_000, unit)) })

/** never in the past: a server stores such a key and counts it until something looks at it */
const setOption = fc.oneof(
  fc.constantFrom<Args>(["NX"], ["XX"], ["GET"], ["KEEPTTL"], ["keepttl"], ["nx"], ["what"], ["EX"]),
  some(fc.constantFrom("EX", "ex"), lifetime(1000)),
  some(fc.constant("PX"), lifetime(1)),
  some(fc.constant("EXAT"), future(1000)),
  some(fc.constant("PXAT"), future(1))
)

const limit = maybe(some(fc.constantFrom("LIMIT", "limit"), rank, rank))
const withScores = flags("WITHSCORES")

const argumentsOf: { readonly [command: string]: fc.Arbitrary<Args> } = {
  GET: some(key),
  MGET: many(key),
  SET: some(
    key,
    value,
    fc.array(setOption, { maxLength: 3 }).map((options) => options.flat())
  ),
  SETNX: some(key, value),
  GETDEL: some(key),
  APPEND: some(key, value),
  STRLEN: some(key),
  INCR: some(key),
  DECR: some(key),
  INCRBY: some(key, number),
  DECRBY: some(key, number),
  DEL: many(key),
  UNLINK: many(key),
  EXISTS: many(key),
  TYPE: some(key),
  // GT and LT only where two equal times are equal on a server too
  EXPIRE: some(key, lifetime(1000), flags("NX", "XX", "what")),
  PEXPIRE: some(key, lifetime(1), flags("NX", "XX")),
  EXPIREAT: some(key, instant(1000), flags("NX", "XX", "GT", "LT")),
  PEXPIREAT: some(key, instant(1), flags("NX", "XX", "GT", "LT")),
  TTL: some(key),
  PTTL: some(key),
  PERSIST: some(key),
  ZADD: some(key, flags("NX", "XX", "GT", "LT", "CH", "INCR"), many(some(score, member))),
  ZINCRBY: some(key, score, member),
  ZREM: some(key, many(member)),
  ZCARD: some(key),
  ZSCORE: some(key, member),
  ZRANK: some(key, member),
  ZREVRANK: some(key, member),
  ZRANGE: fc.oneof(
    some(key, rank, rank, withScores),
    some(key, bound, bound, flags("BYSCORE", "REV"), withScores, limit),
    some(key, bound, bound, fc.constant("BYSCORE"), limit, flags("REV"))
  ),
  ZREVRANGE: some(key, rank, rank, flags("WITHSCORES", "REV"), limit),
  ZRANGEBYSCORE: some(key, bound, bound, withScores, limit),
  ZREVRANGEBYSCORE: some(key, bound, bound, withScores, limit),
  ZCOUNT: some(key, bound, bound),
  ZREMRANGEBYSCORE: some(key, bound, bound),
  ZREMRANGEBYRANK: some(key, rank, rank),
  HSET: some(key, many(some(member, value))),
  HGET: some(key, member),
  HMGET: some(key, many(member)),
  HGETALL: some(key),
  HDEL: some(key, many(member)),
  HINCRBY: some(key, member, number),
  HLEN: some(key),
  HEXISTS: some(key, member),
  SADD: some(key, many(member)),
  SREM: some(key, many(member)),
  SISMEMBER: some(key, member),
  SCARD: some(key),
  SMEMBERS: some(key),
  SCAN: some(
    fc.constantFrom("0", "0", "0", "x", ""),
    maybe(some(fc.constant("MATCH"), fc.constantFrom("*", "?", "[a-b]*", "*é*", "[^a]", "\\*", "😀", "\uE000\\[*\\]"))),
    fc.constantFrom<Args>(["COUNT", 1000], ["COUNT", 1000, "TYPE", "zset"], ["COUNT", "0"], ["COUNT", "x"], ["COUNT"])
  ),
  DBSIZE: fc.constant([]),
  PING: fc.array(value, { maxLength: 2 }),
  TIME: fc.constant([]),
  PUBLISH: some(key, value),
  FLUSHDB: maybe(some(fc.constantFrom("ASYNC", "sync", "what"))),
  NOPE: fc.array(fc.constantFrom("a", "it's", "line\r\nbreak", "x".repeat(100)), { maxLength: 3 })
}

/** What the generator knows; the test holds it against what the model knows. */
export const generatedCommands: ReadonlyArray<string> = Object.keys(argumentsOf)

/** Commands that write come more often, or most programs would only see what is not there. */
const weights: { readonly [command: string]: number } = {
  SET: 10,
  ZADD: 10,
  HSET: 4,
  SADD: 3,
  ZINCRBY: 3,
  APPEND: 3,
  PEXPIREAT: 4
}

const commandStep: fc.Arbitrary<Step> = fc
  .oneof(
    ...Object.entries(argumentsOf).map(([name, args]) => ({
      weight: weights[name] ?? 2,
      arbitrary: fc.tuple(fc.constantFrom(name, name, name.toLowerCase()), args)
    }))
  )
  .chain(([name, args]) =>
    // now and then with an argument too few or too many
    fc.nat(40).map((n) => command(name, ...(n === 0 ? args.slice(0, -1) : n === 1 ? [...args, "more"] : args)))
  )

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: commandStep },
  { weight: 3, arbitrary: fc.constantFrom(1, 2, 3).map((times) => advance(times * fiveSeconds)) },
  { weight: 2, arbitrary: fc.constantFrom(...textKeys).map((key): Step => ({ _tag: "GetBytes", key })) }
)

export const anyProgram: fc.Arbitrary<Program> = fc.array(anyStep, { minLength: 1, maxLength: 40, size: "max" })

/** Everything that can be read of what such a program leaves behind. */
export const dumpAll: Program = [...dump(textKeys), command("SCAN", "0", "COUNT", 1000), command("DBSIZE")]
