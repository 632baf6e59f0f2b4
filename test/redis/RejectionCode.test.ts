import { describe, expect, it } from "@effect/vitest"
import { isOutage } from "../../src/coordination/limit/Fallback.js"
import { isNotReady, isOfEveryRead, isOfOneKey } from "../../src/redis/CommandRejection.js"
import { fromServerReply } from "../../src/redis/RedisError.js"

const wrap = (text: string) => `ERR Error running script (call to 4f2a9c): @user_script:1: ${text}`

/** What a server says, to which command, and the kind that it is. */
const replies: ReadonlyArray<readonly [server: string, command: string, reply: string, code: string]> = [
  ["Redis", "SET", "OOM command not allowed when used memory > 'maxmemory'.", "OOM"],
  [
    "Redis",
    "EVALSHA",
    "OOM command not allowed when used memory > 'maxmemory'. script: 0c66, on @user_script:1.",
    "OOM"
  ],
  ["Redis 6", "EVALSHA", wrap("-OOM command not allowed when used memory > 'maxmemory'."), "OOM"],
  ["Dragonfly", "SET", "ERR Out of memory", "OOM"],
  ["Dragonfly", "EVALSHA", wrap("-ERR Out of memory"), "OOM"],
  ["Dragonfly", "EVALSHA", "ERR Error running script (call to 4f2a9c): user_script:3: -ERR Out of memory", "OOM"],
  ["Dragonfly", "EVALSHA", "ERR Error running script (call to 4f2a9c): -ERR Out of memory", "OOM"],
  ["Redis", "INCR", "WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"],
  ["Redis 6", "EVALSHA", wrap("WRONGTYPE Operation against a key holding the wrong kind of value"), "WRONGTYPE"],
  ["Dragonfly", "EVALSHA", wrap("-WRONGTYPE Operation against a key holding the wrong kind of value"), "WRONGTYPE"],
  ["Dragonfly", "EVALSHA", wrap("-ERR WRONGTYPE Operation against a key"), "WRONGTYPE"],
  ["Redis", "SET", "READONLY You can't write against a read only replica.", "READONLY"],
  ["Redis 4", "SET", "READONLY You can't write against a read only slave.", "READONLY"],
  [
    "Redis",
    "EVALSHA",
    "READONLY You can't write against a read only replica. script: 0c66, on @user_script:1.",
    "READONLY"
  ],
  ["Redis 6", "EVALSHA", wrap("@user_script: 1: -READONLY You can't write against a read only replica."), "READONLY"],
  ["Dragonfly", "EVALSHA", wrap("-READONLY You can't write against a read only replica"), "READONLY"],
  ["a proxy", "SET", "ERR You can't write against a read only replica", "READONLY"],
  ["Redis", "EVALSHA", "NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT"],
  ["Valkey", "EVALSHA", "NOSCRIPT No matching script.", "NOSCRIPT"],
  ["Redis", "GET", "LOADING Redis is loading the dataset in memory", "LOADING"],
  ["Dragonfly", "GET", "LOADING Dragonfly is loading the dataset in memory", "LOADING"],
  ["Redis", "GET", "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY"],
  ["Redis", "GET", "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN"],
  ["Redis", "GET", "CLUSTERDOWN The cluster is down", "CLUSTERDOWN"],
  ["Redis", "MGET", "CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT"],
  [
    "Redis 7",
    "EVALSHA",
    "ERR Script attempted to access keys that do not hash to the same slot script: a",
    "CROSSSLOT"
  ],
  ["Redis 6", "EVALSHA", wrap("@user_script: 1: Script attempted to access a non local key"), "CROSSSLOT"],
  ["Valkey 9.1", "EVAL", "ERR unknown command 'EVAL', with args beginning with: 'return 1' '0' ", "NOSCRIPTING"],
  ["Valkey 9.1", "EVALSHA", "ERR unknown command 'EVALSHA', with args beginning with: 'e0e1' '0' ", "NOSCRIPTING"],
  ["Redis", "EVALSHA", "ERR Unknown Redis command called from script script: 6399, on @user_script:1.", "ERR"],
  ["Redis", "EVAL", "ERR Error compiling script (new function): user_script:1: '=' expected near 'script'", "ERR"],
  ["Redis", "EVALSHA", "ERR user_script:1: x script: ada8, on @user_script:1.", "ERR"],
  ["Redis", "NOSUCH", "ERR unknown command 'NOSUCH', with args beginning with: ", "ERR"],
  ["Redis", "INCR", "ERR value is not an integer or out of range", "ERR"],
  ["Redis", "SELECT", "ERR DB index is out of range", "ERR"],
  ["a script", "EVALSHA", "My Err", "ERR"],
  ["Redis", "RESTORE", "BUSYKEY Target key name already exists.", "BUSYKEY"]
]

const permissions: ReadonlyArray<readonly [server: string, command: string, reply: string]> = [
  ["Redis", "TIME", "NOPERM this user has no permissions to run the 'time' command"],
  ["Valkey 8", "TIME", "NOPERM User app has no permissions to run the 'time' command"],
  ["Dragonfly", "TIME", "NOPERM: app has no ACL permissions"],
  [
    "Redis 7",
    "EVALSHA",
    "ERR The user executing the script can't run this command or subcommand script: 11f0, on @user_script:1."
  ],
  ["Redis 6", "EVALSHA", wrap("@user_script: 1: The user executing the script can't run this command or subcommand")],
  [
    "Redis 7",
    "EVALSHA",
    "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: a"
  ],
  ["Valkey 8", "EVALSHA", "ERR ACL failure in script: User app has no permissions to run the 'time' command script: a"],
  ["Dragonfly", "EVALSHA", wrap("-NOPERM app has no ACL permissions")]
]

describe("an error reply", () => {
  for (const [server, command, reply, code] of replies) {
    it(`of ${server} is ${code}: ${command} ${reply.slice(0, 90)}`, () => {
      expect(fromServerReply(command, reply)).toMatchObject({ _tag: "RedisServerError", command, code, detail: reply })
    })
  }

  for (const [server, command, reply] of permissions) {
    it(`of ${server} is a missing right: ${command} ${reply.slice(0, 90)}`, () => {
      expect(fromServerReply(command, reply)).toMatchObject({ _tag: "RedisAuthError", reason: "NoPermission", command })
    })
  }

  it("of a server that is full, also of Dragonfly, is an outage to a limit, and a missing right is none", () => {
    for (const [, command, reply, code] of replies.filter(([, , , code]) => code === "OOM" || code === "READONLY")) {
      expect(isOutage(fromServerReply(command, reply)), `${code} ${reply}`).toBe(true)
    }
    for (const [, command, reply] of permissions) expect(isOutage(fromServerReply(command, reply))).toBe(false)
  })

  it("says of which reads it holds: of one key, or of every MGET, however the server words it", () => {
    const of = (reply: string) => fromServerReply("MGET", reply)
    for (const reply of [
      "NOPERM this user has no permissions to run the 'mget' command",
      "NOPERM User app has no permissions to run the 'MGET' command",
      "NOPERM: app has no ACL permissions"
    ]) {
      expect(isOfOneKey(of(reply))).toBe(true)
      expect(isOfEveryRead(of(reply)), reply).toBe(true)
    }
    for (const reply of [
      "NOPERM this user has no permissions to access one of the keys used as arguments",
      "NOPERM User app has no permissions to access the 'b' key",
      "NOPERM No permissions to access a key"
    ]) {
      expect(isOfOneKey(of(reply))).toBe(true)
      expect(isOfEveryRead(of(reply)), reply).toBe(false)
    }
    expect(isNotReady(of("LOADING Dragonfly is loading the dataset in memory"))).toBe(true)
    expect(isNotReady(of("BUSYKEY Target key name already exists."))).toBe(false)
  })

  it("that scripts are unknown names the remedy", () => {
    expect(fromServerReply("EVALSHA", "ERR unknown command 'EVALSHA', with args").message).toMatch(/Lua|script/)
  })
})
