/**
 * Splits a command for a cluster: for the holder of its slot, for each of its slots, or for servers and not for keys.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as CommandKeys from "../commands/CommandKeys.js"
import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import { InvalidArgument } from "../RedisError.js"
import * as Slots from "./Slots.js"

/** A part of a command, and the places of its keys in the whole. */
export interface Part {
  readonly slot: number
  readonly args: ReadonlyArray<RedisArgument>
  readonly places: ReadonlyArray<number>
}

export type ClusterCommand =
  | { readonly _tag: "OneSlot"; readonly slot: number }
  /** Each part is sent alone, and `join` makes one reply of theirs, which are in their order. */
  | {
      readonly _tag: "ManySlots"
      readonly parts: ReadonlyArray<Part>
      readonly join: (replies: ReadonlyArray<RedisReply>) => RedisReply
    }
  /** Any server publishes to all. Messages of one channel keep their order where they take one way. */
  | { readonly _tag: "Channel"; readonly slot: number }
  /** Any server answers it. */
  | { readonly _tag: "AnyServer" }
  /** Every primary must execute it, and `join` makes one reply of theirs. */
  | { readonly _tag: "EveryPrimary"; readonly join: (replies: ReadonlyArray<RedisReply>) => RedisReply }

const sum = (replies: ReadonlyArray<RedisReply>): RedisReply =>
  replies.every((reply) => typeof reply === "number") ? replies.reduce((total, reply) => total + reply, 0) : null

const firstOf = (replies: ReadonlyArray<RedisReply>): RedisReply => replies[0] ?? null

const concatenation = (replies: ReadonlyArray<RedisReply>): RedisReply =>
  replies.flatMap((reply) => (Array.isArray(reply) ? (reply as ReadonlyArray<RedisReply>) : [reply]))

/** Commands over keys that are independent of each other. */
const divisible: ReadonlySet<string> = new Set(["MGET", "DEL", "UNLINK", "EXISTS", "TOUCH"])

/** Commands without keys that concern every primary. */
const ofEveryPrimary: ReadonlyMap<string, (replies: ReadonlyArray<RedisReply>) => RedisReply> = new Map([
  ["FLUSHDB", firstOf],
  ["FLUSHALL", firstOf],
  ["SCRIPT", firstOf],
  ["DBSIZE", sum],
  ["KEYS", concatenation]
])

const textOf = (argument: RedisArgument): string =>
  typeof argument === "string"
    ? argument
    : typeof argument === "number"
      ? String(argument)
      : new TextDecoder().decode(argument)

const invalid = (command: string, argument: string, value: string, allowed: string) =>
  Either.left(new InvalidArgument({ command, argument, value, allowed }))

/** Keys that a server of a cluster would not take together. */
const acrossSlots = (command: string, keys: ReadonlyArray<string>): InvalidArgument =>
  new InvalidArgument({
    command,
    argument: "keys",
    value: JSON.stringify(keys),
    allowed: "in one slot of the cluster: give keys that go together a hash tag, as in {user:1}:name and {user:1}:age"
  })

/** The slot of all keys; undefined when they lie in several. There must be a key. */
const slotOf = (keys: ReadonlyArray<string>): number | undefined => {
  const slot = Slots.of(keys[0] ?? "")
  for (let i = 1; i < keys.length; i++) if (Slots.of(keys[i] ?? "") !== slot) return undefined
  return slot
}

/** The slot in which a script runs. */
export const slotOfScript = (name: string, keys: ReadonlyArray<string>): Either.Either<number, InvalidArgument> => {
  if (keys.length === 0)
    return invalid(name, "keys", "[]", "one at least, since it decides which server of a cluster runs the script")
  const slot = slotOf(keys)
  return slot === undefined ? Either.left(acrossSlots(name, keys)) : Either.right(slot)
}

const partsOf = (args: ReadonlyArray<RedisArgument>): ReadonlyArray<Part> => {
  const parts = new Map<number, { slot: number; args: Array<RedisArgument>; places: Array<number> }>()
  for (const [place, key] of args.entries()) {
    const slot = Slots.of(textOf(key))
    const part = parts.get(slot) ?? { slot, args: [], places: [] }
    part.args.push(key)
    part.places.push(place)
    parts.set(slot, part)
  }
  return Array.from(parts.values())
}

/** Puts the values of each part in the places of its keys. */
const inPlace =
  (parts: ReadonlyArray<Part>) =>
  (replies: ReadonlyArray<RedisReply>): RedisReply => {
    const values: Array<RedisReply> = []
    for (const [i, { places }] of parts.entries()) {
      const reply = replies[i]
      for (const [j, place] of places.entries()) values[place] = Array.isArray(reply) ? (reply[j] ?? null) : null
    }
    return values
  }

/** The command is given in capitals. */
export const of = (
  command: string,
  args: ReadonlyArray<RedisArgument>
): Either.Either<ClusterCommand, InvalidArgument> => {
  const places = args.length === 0 ? [] : CommandKeys.placesOf(command, args)
  if (places === undefined) {
    const allowed = "one whose keys the toolkit knows, since a cluster takes a command where its keys are: use a script"
    return invalid(command, "command", command, allowed)
  }
  if (command === "SCAN") {
    return invalid(command, "command", command, "sent to one server: use `delPattern`, or a client of one server")
  }
  if (command === "PUBLISH") return Either.right({ _tag: "Channel", slot: Slots.of(textOf(args[0] ?? "")) })
  if (places.length === 0) {
    const join = ofEveryPrimary.get(command)
    return Either.right(join === undefined ? { _tag: "AnyServer" } : { _tag: "EveryPrimary", join })
  }
  const keys = places.map((place) => textOf(args[place] ?? ""))
  const slot = slotOf(keys)
  if (slot !== undefined) return Either.right({ _tag: "OneSlot", slot })
  if (!divisible.has(command)) return Either.left(acrossSlots(command, keys))
  const parts = partsOf(args)
  return Either.right({ _tag: "ManySlots", parts, join: command === "MGET" ? inPlace(parts) : sum })
}
