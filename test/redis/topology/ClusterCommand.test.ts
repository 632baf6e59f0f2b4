import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import * as CommandKeys from "../../../src/redis/commands/CommandKeys.js"
import * as ClusterCommand from "../../../src/redis/topology/ClusterCommand.js"
import * as Slots from "../../../src/redis/topology/Slots.js"

describe("the keys among the arguments of a command", () => {
  it.each([
    ["GET", ["k"], [0]],
    ["MGET", ["a", "b", "c"], [0, 1, 2]],
    ["MSET", ["a", "1", "b", "2"], [0, 2]],
    ["EVAL", ["return 1", 2, "a", "b", "x"], [2, 3]],
    ["EVALSHA", ["hash", 0, "x"], []],
    ["ZUNIONSTORE", ["to", 2, "a", "b", "WEIGHTS", 1, 2], [0, 2, 3]],
    ["ZUNION", [2, "a", "b", "WITHSCORES"], [1, 2]],
    ["BITOP", ["AND", "to", "a", "b"], [1, 2, 3]],
    ["XREAD", ["COUNT", 2, "STREAMS", "a", "b", "0", "0"], [3, 4]],
    ["XREADGROUP", ["GROUP", "g", "me", "STREAMS", "a", ">"], [4]],
    ["SORT", ["list", "LIMIT", 0, 5, "STORE", "to"], [0, 5]],
    ["GEORADIUS", ["geo", 1, 2, 3, "km", "STOREDIST", "to"], [0, 6]],
    ["XINFO", ["STREAM", "s"], [1]],
    ["OBJECT", ["ENCODING", "k"], [1]],
    ["SMOVE", ["from", "to", "member"], [0, 1]],
    ["PING", [], []],
    ["CONFIG", ["GET", "maxmemory"], []]
  ] as const)("of %s %j are at %j", (command, args, places) => {
    expect(CommandKeys.placesOf(command, args)).toEqual(places)
  })

  it("are not known of a command that is not listed", () => {
    expect(CommandKeys.placesOf("JSON.SET", ["doc", "$", "1"])).toBeUndefined()
  })
})

describe("what a cluster makes of a command", () => {
  const of = (command: string, ...args: ReadonlyArray<string | number>) =>
    Either.getOrThrowWith(ClusterCommand.of(command, args), (error) => error)

  it("goes to the holder of the slot that all of its keys share", () => {
    expect(of("SMOVE", "{u}:a", "{u}:b", "m")).toEqual({ _tag: "OneSlot", slot: Slots.of("u") })
  })

  it("is divided by slots where its keys are independent, and its reply has the order of the keys", () => {
    const command = of("MGET", "a", "b", "{a}:2")
    if (command._tag !== "ManySlots") throw new Error(command._tag)
    expect(command.parts.map(({ args }) => args)).toEqual([["a", "{a}:2"], ["b"]])
    expect(command.join([["1", "3"], ["2"]])).toEqual(["1", "2", "3"])
    const deletion = of("DEL", "a", "b")
    expect(deletion._tag === "ManySlots" && deletion.join([1, 0])).toBe(1)
  })

  it("is rejected where its keys lie in several slots and belong together", () => {
    const error = Either.flip(ClusterCommand.of("RENAME", ["a", "b"])).pipe(Either.getOrThrow)
    expect(error).toMatchObject({ _tag: "InvalidArgument", command: "RENAME", argument: "keys" })
    expect(error.message).toContain("hash tag")
  })

  it("is rejected where the keys of a command with arguments are not known", () => {
    const error = Either.flip(ClusterCommand.of("JSON.SET", ["doc", "$", "1"])).pipe(Either.getOrThrow)
    expect(error.message).toContain("use a script")
  })

  it("is sent to every primary where it concerns all keys", () => {
    const command = of("DBSIZE")
    expect(command._tag === "EveryPrimary" && command.join([1, 2, 3])).toBe(6)
    expect(of("PING")).toEqual({ _tag: "AnyServer" })
  })

  it("needs the same slot for the keys of a script, and at least one key", () => {
    expect(Either.isLeft(ClusterCommand.slotOfScript("s", []))).toBe(true)
    expect(Either.isLeft(ClusterCommand.slotOfScript("s", ["a", "b"]))).toBe(true)
    expect(ClusterCommand.slotOfScript("s", ["{a}:1", "a"])).toEqual(Either.right(Slots.of("a")))
  })
})
