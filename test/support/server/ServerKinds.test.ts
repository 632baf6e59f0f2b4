import { describe, expect, it } from "vitest"
import * as ServerKinds from "./ServerKinds.js"

const at = { port: 7000, directory: "/data" }
const redisFlags = ["--port", "7000", "--bind", "127.0.0.1", "--dir", "/data", "--save", ""]
const dragonflyFlags = [
  ...["--port=7000", "--bind=127.0.0.1", "--dir=/data", "--dbfilename=", "--version_check=false"],
  ...["--proactor_threads=2", "--maxmemory=512mb"]
]

describe("the flags of a server", () => {
  it.each([ServerKinds.redis, ServerKinds.valkey])(
    "of $name keep nothing on disk unless a test asks for it",
    (kind) => {
      expect(kind.args(at)).toEqual([...redisFlags, "--appendonly", "no"])
      expect(kind.args({ ...at, keepsData: true })).toEqual([
        ...redisFlags,
        ...["--appendonly", "yes", "--appendfsync", "no"]
      ])
    }
  )

  it.each([ServerKinds.redis, ServerKinds.valkey])("of $name say password and memory as they stand", (kind) => {
    const args = kind.args({ ...at, password: "p@ss word", evictsBeyondMegabytes: 3, args: ["--maxclients", "2"] })
    expect(args.slice(redisFlags.length + 2)).toEqual([
      ...["--requirepass", "p@ss word", "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-random"],
      ...["--maxclients", "2"]
    ])
  })

  it("of Dragonfly hold none of Redis', which would end it at its start", () => {
    expect(ServerKinds.dragonfly.args(at)).toEqual(dragonflyFlags)
    expect(ServerKinds.dragonfly.args({ ...at, keepsData: true })).toEqual(dragonflyFlags)
    expect(ServerKinds.dragonfly.args({ ...at, password: "p@ss word" })).toEqual([
      ...dragonflyFlags,
      "--requirepass=p@ss word"
    ])
    expect(() => ServerKinds.dragonfly.args({ ...at, args: ["--maxclients", "2"] })).toThrow("--maxclients 2")
  })

  it("of Dragonfly give each thread the least memory it takes, also where a test wants less", () => {
    const withoutMemory = dragonflyFlags.slice(0, -1)
    expect(ServerKinds.dragonfly.args({ ...at, evictsBeyondMegabytes: 3 })).toEqual([
      ...withoutMemory,
      ...["--maxmemory=512mb", "--cache_mode=true"]
    ])
    expect(ServerKinds.dragonfly.args({ ...at, evictsBeyondMegabytes: 1024 })).toEqual([
      ...withoutMemory,
      ...["--maxmemory=1024mb", "--cache_mode=true"]
    ])
  })
})

describe("a server", () => {
  it("is recognised by INFO, although all say redis_version", () => {
    expect(ServerKinds.ofInfo("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone")).toBe(ServerKinds.redis)
    expect(ServerKinds.ofInfo("# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1")).toBe(ServerKinds.valkey)
    expect(ServerKinds.ofInfo("# Server\r\nredis_version:7.4.0\r\ndragonfly_version:df-v1.40.1")).toBe(
      ServerKinds.dragonfly
    )
  })

  it("says by name and reason what it lacks of what a test needs", () => {
    expect(ServerKinds.lacking(ServerKinds.redis, ["slow loading", "maxclients"])).toBe(undefined)
    expect(ServerKinds.lacking(ServerKinds.dragonfly, [])).toBe(undefined)
    expect(ServerKinds.lacking(ServerKinds.dragonfly, ["a few megabytes of memory", "maxclients"])).toBe(
      "Dragonfly lacks a few megabytes of memory: it needs 256 MB a thread; " +
        "Dragonfly lacks maxclients: it has no maxclients as Redis has it"
    )
  })
})
