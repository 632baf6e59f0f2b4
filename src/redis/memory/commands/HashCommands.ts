/**
 * Commands on hashes.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Value } from "../store/Store.js"
import * as Arguments from "./Arguments.js"
import type { Commands } from "./Command.js"
import { changing, pairs, reading } from "./Command.js"
import { error, Fields, notAnInteger, wrongArity } from "./Reply.js"

type Hash = Extract<Value, { readonly _tag: "Hash" }>

const isHash = (value: Value): value is Hash => typeof value !== "string" && value._tag === "Hash"

const empty: Hash = { _tag: "Hash", fields: HashMap.empty() }

const get = (hash: Hash, field: string): string | null => Option.getOrNull(HashMap.get(hash.fields, field))

const one = ([field = ""]: ReadonlyArray<string>): string => field

/**
 * @since 0.1.0
 * @category commands
 */
export const hashCommands: Commands = {
  HSET: changing(isHash, {
    arity: -4,
    parse: (args) => pairs(args) ?? wrongArity("HSET"),
    run: (hash = empty, entries) => {
      const fields = entries.reduce((fields, [field, value]) => HashMap.set(fields, field, value), hash.fields)
      return { reply: HashMap.size(fields) - HashMap.size(hash.fields), value: { _tag: "Hash", fields } }
    }
  }),
  HGET: reading(isHash, { arity: 3, parse: one, run: (hash = empty, field) => get(hash, field) }),
  HMGET: reading(isHash, {
    arity: -3,
    parse: (fields) => fields,
    run: (hash = empty, fields) => fields.map((field) => get(hash, field))
  }),
  HGETALL: reading(isHash, {
    arity: 2,
    parse: one,
    run: (hash = empty) => new Fields({ fields: HashMap.toEntries(hash.fields) })
  }),
  HEXISTS: reading(isHash, {
    arity: 3,
    parse: one,
    run: (hash = empty, field) => (HashMap.has(hash.fields, field) ? 1 : 0)
  }),
  HLEN: reading(isHash, { arity: 2, parse: one, run: (hash = empty) => HashMap.size(hash.fields) }),
  HDEL: changing(isHash, {
    arity: -3,
    parse: (fields) => fields,
    run: (hash = empty, removed) => {
      const fields = removed.reduce((rest, field) => HashMap.remove(rest, field), hash.fields)
      return {
        reply: HashMap.size(hash.fields) - HashMap.size(fields),
        // not by `isEmpty`, which Effect 3.22 denies once a key that was absent has been removed
        value: HashMap.size(fields) === 0 ? undefined : { _tag: "Hash", fields }
      }
    }
  }),
  HINCRBY: changing(isHash, {
    arity: 4,
    parse: ([field = "", text]) => {
      const by = Arguments.parseBigInt(text)
      return by === undefined ? notAnInteger() : { field, by }
    },
    run: (hash = empty, { field, by }) => {
      const current = Arguments.parseBigInt(get(hash, field) ?? "0")
      if (current === undefined) return error("hash value is not an integer")
      const sum = current + by
      if (!Arguments.isInteger64(sum)) return error("increment or decrement would overflow")
      return { reply: Number(sum), value: { _tag: "Hash", fields: HashMap.set(hash.fields, field, String(sum)) } }
    }
  })
}
