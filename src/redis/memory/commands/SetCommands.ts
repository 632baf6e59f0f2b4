/**
 * Commands on sets.
 *
 * @since 0.1.0
 */
import * as HashSet from "effect/HashSet"
import type { Value } from "../store/Store.js"
import type { Commands } from "./Command.js"
import { changing, reading } from "./Command.js"

type MemberSet = Extract<Value, { readonly _tag: "Set" }>

const isSet = (value: Value): value is MemberSet => typeof value !== "string" && value._tag === "Set"

const empty: MemberSet = { _tag: "Set", members: HashSet.empty() }

/**
 * @since 0.1.0
 * @category commands
 */
export const setCommands: Commands = {
  SADD: changing(isSet, {
    arity: -3,
    parse: (members) => members,
    run: (set = empty, added) => {
      const members = added.reduce((members, member) => HashSet.add(members, member), set.members)
      return { reply: HashSet.size(members) - HashSet.size(set.members), value: { _tag: "Set", members } }
    }
  }),
  SREM: changing(isSet, {
    arity: -3,
    parse: (members) => members,
    run: (set = empty, removed) => {
      const members = removed.reduce((rest, member) => HashSet.remove(rest, member), set.members)
      return {
        reply: HashSet.size(set.members) - HashSet.size(members),
        value: HashSet.size(members) === 0 ? undefined : { _tag: "Set", members }
      }
    }
  }),
  SISMEMBER: reading(isSet, {
    arity: 3,
    parse: ([member = ""]) => member,
    run: (set = empty, member) => (HashSet.has(set.members, member) ? 1 : 0)
  }),
  SCARD: reading(isSet, { arity: 2, parse: () => undefined, run: (set = empty) => HashSet.size(set.members) }),
  SMEMBERS: reading(isSet, { arity: 2, parse: () => undefined, run: (set = empty) => Array.from(set.members) })
}
