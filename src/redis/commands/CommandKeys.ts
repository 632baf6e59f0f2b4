/**
 * Which arguments of a command are keys, as COMMAND DOCS of Redis 7 and Valkey 8 describe it.
 *
 * A cluster sends a command to the server that holds its keys, and a client with a prefix puts the prefix before each of
 * them. Both must know every key: a key that is missed would be sent to the wrong server, or leave its prefix.
 *
 * @internal
 */
import type { RedisArgument } from "../RedisConnection.js"

/** Finds the places of the keys among the arguments. */
type Places = (args: ReadonlyArray<RedisArgument>) => ReadonlyArray<number>

const places = (first: number, end: number, step = 1): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let place = first; place < end; place += step) found.push(place)
  return found
}

const none: Places = () => []
const first: Places = ({ length }) => places(0, Math.min(1, length))
const firstTwo: Places = ({ length }) => places(0, Math.min(2, length))
const second: Places = ({ length }) => places(1, Math.min(2, length))
const all: Places = ({ length }) => places(0, length)
const allButFirst: Places = ({ length }) => places(1, length)
const pairs: Places = ({ length }) => places(0, length, 2)

/** As many keys as the argument at `count` says, behind it. */
const counted =
  (count: number): Places =>
  (args) =>
    places(count + 1, Math.min(count + 1 + Number(args[count]), args.length))

/** The first key, which is the destination, and then as many keys as the next argument says. */
const destinationAndCounted: Places = (args) => [...first(args), ...counted(1)(args)]

const placeOfWord = (args: ReadonlyArray<RedisArgument>, word: string): number =>
  args.findIndex((arg) => typeof arg === "string" && arg.toUpperCase() === word)

/** The first half of what follows STREAMS. */
const streams: Places = (args) => {
  const from = placeOfWord(args, "STREAMS") + 1
  return from === 0 ? [] : places(from, from + Math.floor((args.length - from) / 2))
}

/** The first key, and the destination behind the word STORE or STOREDIST, unless it stands in the place of the key. */
const firstAndStore: Places = (args) => {
  const found = [...first(args)]
  for (const [place, arg] of args.entries()) {
    const word = typeof arg === "string" ? arg.toUpperCase() : ""
    if (place > 0 && (word === "STORE" || word === "STOREDIST") && place + 1 < args.length) found.push(place + 1)
  }
  return found
}

const rules: ReadonlyArray<readonly [places: Places, commands: string]> = [
  [
    first,
    "APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DUMP EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS " +
      "GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HEXPIRE HEXPIREAT " +
      "HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT " +
      "HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSET HSETEX HSETNX HSTRLEN HTTL HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN " +
      "LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD PSETEX PTTL RESTORE RPOP " +
      "RPUSH RPUSHX SADD SCARD SET SETBIT SETEX SETNX SETRANGE SISMEMBER SMEMBERS SMISMEMBER SPOP SRANDMEMBER SREM SSCAN " +
      "STRLEN SUBSTR TTL TYPE XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT " +
      "ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX " +
      "ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE"
  ],
  [firstTwo, "COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE"],
  [second, "MEMORY OBJECT XGROUP XINFO"],
  [all, "DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE TOUCH UNLINK"],
  [allButFirst, "BITOP"],
  [pairs, "MSET MSETNX"],
  [counted(0), "LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION"],
  [counted(1), "EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO"],
  [destinationAndCounted, "ZDIFFSTORE ZINTERSTORE ZUNIONSTORE"],
  [streams, "XREAD XREADGROUP"],
  [firstAndStore, "GEORADIUS GEORADIUSBYMEMBER SORT SORT_RO"],
  [
    none,
    "ACL BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE ECHO FLUSHALL FLUSHDB FUNCTION INFO KEYS LASTSAVE LATENCY " +
      "LOLWUT MODULE PING PUBLISH PUBSUB RANDOMKEY ROLE SAVE SCAN SCRIPT SLOWLOG TIME"
  ]
]

const byCommand: ReadonlyMap<string, Places> = new Map(
  rules.flatMap(([places, commands]) => commands.split(" ").map((command) => [command, places] as const))
)

/**
 * The places of the keys among the arguments of a command, which is given in capitals. Undefined for a command that is not
 * listed, such as one of a module: its keys are not known.
 */
export const placesOf = (command: string, args: ReadonlyArray<RedisArgument>): ReadonlyArray<number> | undefined =>
  byCommand.get(command)?.(args)
