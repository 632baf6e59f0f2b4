/**
 * What a command of the model is, and the two shapes that nearly all of them have: reading one key, and changing one key.
 *
 * @since 0.1.0
 */

import type { Value } from "../store/Store.js"
import * as Store from "../store/Store.js"
import type { ErrorReply, Reply } from "./Reply.js"
import { isError, wrongType } from "./Reply.js"

/**
 * The input of a command besides the keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface Environment {
  /** milliseconds since the epoch, a whole number; the same for all commands of a script */
  readonly now: number
  /** delivers a message and says how many received it */
  readonly publish: (channel: string, message: string) => number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly reply: Reply
  readonly store: Store.Store
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Command {
  /** how many words it takes, its name included; the least number when negative */
  readonly arity: number
  /** never called with a number of arguments that `arity` does not allow */
  readonly run: (store: Store.Store, args: ReadonlyArray<string>, environment: Environment) => Result
}

/**
 * @since 0.1.0
 * @category models
 */
export type Commands = { readonly [name: string]: Command }

/**
 * A command that only reads one key, its first argument. `parse` sees the arguments after it and comes before the check
 * of the type; `run` gets undefined when there is no such key. Reading counts as a use.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reading = <A extends Value, Parsed>(
  is: (value: Value) => value is A,
  command: {
    readonly arity: number
    readonly parse: (args: ReadonlyArray<string>) => Parsed | ErrorReply
    readonly run: (value: A | undefined, parsed: Parsed) => Reply
  }
): Command => ({
  arity: command.arity,
  run: (store, [key = "", ...args], { now }) => {
    const parsed = command.parse(args)
    if (isError(parsed)) return { reply: parsed, store }
    const entry = Store.lookup(store, key, now)
    if (entry === undefined) return { reply: command.run(undefined, parsed), store }
    if (!is(entry.value)) return { reply: wrongType(), store }
    return { reply: command.run(entry.value, parsed), store: Store.touch(store, key, entry) }
  }
})

/**
 * A reply, and the new value of the key: undefined removes the key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change<out A> {
  readonly reply: Reply
  readonly value: A | undefined
}

/**
 * A command that changes one key, its first argument, and keeps its time to live. An error changes nothing. Otherwise as
 * `reading`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const changing = <A extends Value, Parsed>(
  is: (value: Value) => value is A,
  command: {
    readonly arity: number
    readonly parse: (args: ReadonlyArray<string>) => Parsed | ErrorReply
    readonly run: (value: A | undefined, parsed: Parsed) => Change<A> | ErrorReply
  }
): Command => ({
  arity: command.arity,
  run: (store, [key = "", ...args], { now }) => {
    const parsed = command.parse(args)
    if (isError(parsed)) return { reply: parsed, store }
    const entry = Store.lookup(store, key, now)
    const value = entry?.value
    if (value !== undefined && !is(value)) return { reply: wrongType(), store }
    const change = command.run(value, parsed)
    if (isError(change)) return { reply: change, store }
    return {
      reply: change.reply,
      store:
        change.value === undefined
          ? Store.remove(store, key)
          : Store.set(store, key, change.value, entry?.expiresAt ?? Infinity, now)
    }
  }
})

/**
 * Groups flat arguments by two; undefined when one is left over.
 *
 * @since 0.1.0
 * @category utils
 */
export const pairs = (args: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> | undefined => {
  if (args.length % 2 !== 0) return undefined
  const grouped: Array<readonly [string, string]> = []
  for (let i = 0; i < args.length; i += 2) grouped.push([args[i] ?? "", args[i + 1] ?? ""])
  return grouped
}
