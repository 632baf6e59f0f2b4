/**
 * Commands on keys of any type: deleting, expiring, walking through them.
 *
 * @since 0.1.0
 */

import * as Glob from "../../commands/Glob.js"
import * as ByteString from "../store/ByteString.js"
import type { Entry, Value } from "../store/Store.js"
import * as Store from "../store/Store.js"
import * as Arguments from "./Arguments.js"
import type { Command, Commands } from "./Command.js"
import type { ErrorReply, Reply } from "./Reply.js"
import { error, isError, notAnInteger, syntaxError } from "./Reply.js"

const typeOf = (value: Value): string =>
  typeof value === "string" ? "string" : value._tag === "SortedSet" ? "zset" : value._tag.toLowerCase()

const deleting: Command = {
  arity: -2,
  run: (before, keys, { now }) => {
    let store = before
    let deleted = 0
    for (const key of keys) {
      if (Store.lookup(store, key, now) !== undefined) deleted++
      store = Store.remove(store, key)
    }
    return { reply: deleted, store }
  }
}

const expiryConditions = new Set(["NX", "XX", "GT", "LT"])

const parseExpiryConditions = (args: ReadonlyArray<string>): ReadonlySet<string> | ErrorReply => {
  const unsupported = args.find((option) => !expiryConditions.has(option.toUpperCase()))
  if (unsupported !== undefined) return error(`Unsupported option ${unsupported}`)
  const conditions = new Set(args.map((option) => option.toUpperCase()))
  if (conditions.has("NX") && conditions.size > 1) {
    return error("NX and XX, GT or LT options at the same time are not compatible")
  }
  if (conditions.has("GT") && conditions.has("LT")) {
    return error("GT and LT options at the same time are not compatible")
  }
  return conditions
}

const permits = (conditions: ReadonlySet<string>, current: number, next: number): boolean =>
  !(conditions.has("NX") && current !== Infinity) &&
  !(conditions.has("XX") && current === Infinity) &&
  !(conditions.has("GT") && next <= current) &&
  !(conditions.has("LT") && next >= current)

const expiring = (name: string, unit: bigint, relative: boolean): Command => ({
  arity: -3,
  run: (store, [key = "", text, ...options], { now }) => {
    const conditions = parseExpiryConditions(options)
    if (isError(conditions)) return { reply: conditions, store }
    const value = Arguments.parseBigInt(text)
    if (value === undefined) return { reply: notAnInteger(), store }
    const expiresAt = Arguments.expiryAt(value, unit, relative ? now : 0)
    if (expiresAt === undefined) return { reply: error(`invalid expire time in '${name}' command`), store }
    const entry = Store.lookup(store, key, now)
    if (entry === undefined || !permits(conditions, entry.expiresAt, expiresAt)) return { reply: 0, store }
    return {
      reply: 1,
      store: expiresAt <= now ? Store.remove(store, key) : Store.set(store, key, entry.value, expiresAt, now)
    }
  }
})

/** A command that asks for something about a key and does not count as a use of it. */
const asking = (answer: (entry: Entry | undefined, now: number) => Reply): Command => ({
  arity: 2,
  run: (store, [key = ""], { now }) => ({ reply: answer(Store.lookup(store, key, now), now), store })
})

const remainingMillis = (entry: Entry | undefined, now: number): number =>
  entry === undefined ? -2 : entry.expiresAt === Infinity ? -1 : entry.expiresAt - now

const remainingSeconds = (entry: Entry | undefined, now: number): number => {
  const millis = remainingMillis(entry, now)
  return millis < 0 ? millis : Math.floor((millis + 500) / 1000)
}

interface ScanOptions {
  readonly count: number
  readonly matches: (key: string) => boolean
  readonly type: string | undefined
}

const parseScanOptions = (args: ReadonlyArray<string>): ScanOptions | ErrorReply => {
  let count = 10
  let matches: ScanOptions["matches"] = () => true
  let type: string | undefined
  for (let i = 0; i < args.length; i += 2) {
    const option = (args[i] ?? "").toUpperCase()
    const value = args[i + 1]
    if (value === undefined) return syntaxError()
    if (option === "COUNT") {
      const parsed = Arguments.parseInteger(value)
      if (parsed === undefined) return notAnInteger()
      if (parsed < 1) return syntaxError()
      count = parsed
    } else if (option === "MATCH") {
      const test = Glob.compile(ByteString.toLatin1(value))
      matches = (key) => test(ByteString.toLatin1(key))
    } else if (option === "TYPE") {
      type = value.toLowerCase()
    } else {
      return syntaxError()
    }
  }
  return { count, matches, type }
}

const SCAN: Command = {
  arity: -2,
  run: (store, [cursor = "", ...args], { now }) => {
    if (!/^\d{0,19}$/.test(cursor)) return { reply: error("invalid cursor"), store }
    const options = parseScanOptions(args)
    if (isError(options)) return { reply: options, store }
    const { keys, next } = Store.scan(store, Number(cursor), options.count)
    const found = keys.filter((key) => {
      const entry = Store.lookup(store, key, now)
      return (
        entry !== undefined &&
        options.matches(key) &&
        (options.type === undefined || options.type === typeOf(entry.value))
      )
    })
    return { reply: [String(next), found], store }
  }
}

/**
 * @since 0.1.0
 * @category commands
 */
export const keyCommands: Commands = {
  DEL: deleting,
  UNLINK: deleting,
  EXISTS: {
    arity: -2,
    run: (store, keys, { now }) => ({
      reply: keys.filter((key) => Store.lookup(store, key, now) !== undefined).length,
      store
    })
  },
  TYPE: asking((entry) => (entry === undefined ? "none" : typeOf(entry.value))),
  EXPIRE: expiring("expire", 1000n, true),
  PEXPIRE: expiring("pexpire", 1n, true),
  EXPIREAT: expiring("expireat", 1000n, false),
  PEXPIREAT: expiring("pexpireat", 1n, false),
  TTL: asking(remainingSeconds),
  PTTL: asking(remainingMillis),
  PERSIST: {
    arity: 2,
    run: (store, [key = ""], { now }) => {
      const entry = Store.lookup(store, key, now)
      return entry === undefined || entry.expiresAt === Infinity
        ? { reply: 0, store }
        : { reply: 1, store: Store.set(store, key, entry.value, Infinity, now) }
    }
  },
  SCAN
}
