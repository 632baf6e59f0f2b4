/**
 * Commands on byte strings and on the integers that some of them are.
 *
 * @since 0.1.0
 */

import * as ByteString from "../store/ByteString.js"
import type { Value } from "../store/Store.js"
import * as Store from "../store/Store.js"
import * as Arguments from "./Arguments.js"
import type { Command, Commands } from "./Command.js"
import { changing, reading } from "./Command.js"
import type { ErrorReply, Reply } from "./Reply.js"
import { error, isError, notAnInteger, syntaxError, wrongType } from "./Reply.js"

const isText = (value: Value): value is string => typeof value === "string"

interface SetFlags {
  readonly condition: "NX" | "XX" | undefined
  readonly get: boolean
  readonly keepTtl: boolean
  readonly expiresAt: number
}

const parseSetOptions = (args: ReadonlyArray<string>, now: number): SetFlags | ErrorReply => {
  let condition: "NX" | "XX" | undefined
  let get = false
  let keepTtl = false
  let expiry: { readonly option: string; readonly value: string } | undefined
  for (let i = 0; i < args.length; i++) {
    const option = (args[i] ?? "").toUpperCase()
    const value = args[i + 1]
    if ((option === "NX" || option === "XX") && (condition ?? option) === option) {
      condition = option
    } else if (option === "GET") {
      get = true
    } else if (option === "KEEPTTL" && expiry === undefined) {
      keepTtl = true
    } else if (option in expiryUnits && !keepTtl && (expiry?.option ?? option) === option && value !== undefined) {
      expiry = { option, value }
      i++
    } else {
      return syntaxError()
    }
  }
  if (expiry === undefined) return { condition, get, keepTtl, expiresAt: Infinity }
  const expiresAt = parseExpiry(expiry.option, expiry.value, now)
  return isError(expiresAt) ? expiresAt : { condition, get, keepTtl, expiresAt }
}

const expiryUnits: { readonly [option: string]: { readonly unit: bigint; readonly relative: boolean } } = {
  EX: { unit: 1000n, relative: true },
  PX: { unit: 1n, relative: true },
  EXAT: { unit: 1000n, relative: false },
  PXAT: { unit: 1n, relative: false }
}

const parseExpiry = (option: string, text: string, now: number): number | ErrorReply => {
  const { unit, relative } = expiryUnits[option] ?? { unit: 1n, relative: true }
  const value = Arguments.parseBigInt(text)
  if (value === undefined) return notAnInteger()
  const expiresAt = value > 0n ? Arguments.expiryAt(value, unit, relative ? now : 0) : undefined
  return expiresAt ?? error("invalid expire time in 'set' command")
}

const SET: Command = {
  arity: -3,
  run: (store, [key = "", value = "", ...rest], { now }) => {
    const options = parseSetOptions(rest, now)
    if (isError(options)) return { reply: options, store }
    const entry = Store.lookup(store, key, now)
    if (options.get && entry !== undefined && !isText(entry.value)) return { reply: wrongType(), store }
    const previous: Reply = typeof entry?.value === "string" ? entry.value : null
    if ((options.condition === "NX" && entry !== undefined) || (options.condition === "XX" && entry === undefined)) {
      return { reply: options.get ? previous : null, store }
    }
    const expiresAt = options.keepTtl && entry !== undefined ? entry.expiresAt : options.expiresAt
    return {
      reply: options.get ? previous : "OK",
      store: expiresAt <= now ? Store.remove(store, key) : Store.set(store, key, value, expiresAt, now)
    }
  }
}

const adding = (arity: number, parse: (args: ReadonlyArray<string>) => bigint | ErrorReply): Command =>
  changing(isText, {
    arity,
    parse,
    run: (text = "0", by) => {
      const current = Arguments.parseBigInt(text)
      if (current === undefined) return notAnInteger()
      const sum = current + by
      return Arguments.isInteger64(sum)
        ? { reply: Number(sum), value: String(sum) }
        : error("increment or decrement would overflow")
    }
  })

const parseDecrement = ([text]: ReadonlyArray<string>): bigint | ErrorReply => {
  const by = Arguments.parseBigInt(text)
  if (by === undefined) return notAnInteger()
  return Arguments.isInteger64(-by) ? -by : error("decrement would overflow")
}

/**
 * @since 0.1.0
 * @category commands
 */
export const stringCommands: Commands = {
  SET,
  GET: reading(isText, { arity: 2, parse: () => undefined, run: (text) => text ?? null }),
  MGET: {
    arity: -2,
    run: (store, keys, { now }) => {
      let used = store
      const reply = keys.map((key) => {
        const entry = Store.lookup(store, key, now)
        if (entry === undefined || !isText(entry.value)) return null
        used = Store.touch(used, key, Store.lookup(used, key, now) ?? entry)
        return entry.value
      })
      return { reply, store: used }
    }
  },
  SETNX: {
    arity: 3,
    run: (store, [key = "", value = ""], { now }) =>
      Store.lookup(store, key, now) === undefined
        ? { reply: 1, store: Store.set(store, key, value, Infinity, now) }
        : { reply: 0, store }
  },
  GETDEL: changing(isText, {
    arity: 2,
    parse: () => undefined,
    run: (text) => ({ reply: text ?? null, value: undefined })
  }),
  APPEND: changing(isText, {
    arity: 3,
    parse: ([suffix = ""]) => suffix,
    run: (text = "", suffix) => {
      const value = ByteString.normalize(text + suffix)
      return { reply: ByteString.byteLength(value), value }
    }
  }),
  STRLEN: reading(isText, { arity: 2, parse: () => undefined, run: (text = "") => ByteString.byteLength(text) }),
  INCR: adding(2, () => 1n),
  DECR: adding(2, () => -1n),
  INCRBY: adding(3, ([text]) => Arguments.parseBigInt(text) ?? notAnInteger()),
  DECRBY: adding(3, parseDecrement)
}
