/**
 * The pure model of a server: a keyspace and a command give a reply and the next keyspace. It is the specification of the
 * memory layer, and what real servers are compared with.
 *
 * It answers as Redis 7 does, in replies and error texts, with these differences. A key is gone at the instant its time
 * has come; a server keeps it for that millisecond. The number of keys is bounded. Scores have their shortest text inside
 * scripts, where Redis 7 writes 17 digits. There are only the commands listed in `commands`, without ranges BYLEX.
 *
 * @since 0.1.0
 */

import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import type { ScriptContext } from "../RedisScript.js"
import type { Command, Environment } from "./commands/Command.js"
import { hashCommands } from "./commands/HashCommands.js"
import { keyCommands } from "./commands/KeyCommands.js"
import type { ErrorReply } from "./commands/Reply.js"
import * as Reply from "./commands/Reply.js"
import { serverCommands } from "./commands/ServerCommands.js"
import { setCommands } from "./commands/SetCommands.js"
import { sortedSetCommands } from "./commands/SortedSetCommands.js"
import { stringCommands } from "./commands/StringCommands.js"
import * as ByteString from "./store/ByteString.js"
import * as Store from "./store/Store.js"

export type {
  /**
   * The time, and where published messages go.
   *
   * @since 0.1.0
   * @category models
   */
  Environment
} from "./commands/Command.js"
export {
  /**
   * An error reply; its first word is the kind.
   *
   * @since 0.1.0
   * @category errors
   */
  ErrorReply
} from "./commands/Reply.js"

/**
 * The keys, their values and when they expire. It is immutable.
 *
 * @since 0.1.0
 * @category models
 */
export interface Keyspace extends Store.Store {}

/**
 * What a command or a script answers, and the keyspace after it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Execution {
  readonly reply: RedisReply | ErrorReply
  readonly keyspace: Keyspace
}

/** The bound on the number of keys when none is given. */
const defaultMaxKeys = 100_000

/**
 * Makes a keyspace without keys. Beyond `maxKeys` (100,000 by default, at least 1) each new key replaces an expired one, or
 * the least recently used one. The order of use within the last `maxKeys / 8` uses is not known.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: { readonly maxKeys?: number | undefined }): Keyspace =>
  Store.make(options?.maxKeys ?? defaultMaxKeys)

const table: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    ...stringCommands,
    ...keyCommands,
    ...sortedSetCommands,
    ...hashCommands,
    ...setCommands,
    ...serverCommands
  })
)

/**
 * The names of the commands that the model knows, in capitals.
 *
 * @since 0.1.0
 * @category constants
 */
export const commands: ReadonlyArray<string> = Array.from(table.keys())

const find = (command: string): Command | undefined => table.get(command) ?? table.get(command.toUpperCase())

const takes = ({ arity }: Command, args: ReadonlyArray<string>): boolean =>
  arity < 0 ? args.length + 1 >= -arity : args.length + 1 === arity

/**
 * Runs a command and answers as Bun's RESP3 client does. Scores are numbers, members with scores are pairs, a hash is an
 * object. An absent value is null, and an error is an `ErrorReply`.
 *
 * @since 0.1.0
 * @category execution
 */
export const execute = (
  self: Keyspace,
  environment: Environment,
  command: string,
  args: ReadonlyArray<RedisArgument>
): Execution => {
  const texts = args.map(ByteString.fromArgument)
  const swept = Store.sweep(self, environment.now)
  const found = find(command)
  if (found === undefined) return { reply: unknownCommand(command, texts), keyspace: swept }
  if (!takes(found, texts)) return { reply: Reply.wrongArity(command), keyspace: swept }
  const { reply, store } = found.run(swept, texts, environment)
  return { reply: Reply.isError(reply) ? reply : Reply.toClient(reply), keyspace: store }
}

// a server quotes at most 128 bytes, with spaces in place of line breaks
const unknownCommand = (command: string, args: ReadonlyArray<string>): ErrorReply => {
  let quoted = ""
  for (const arg of args) {
    if (quoted.length >= 128) break
    quoted += `'${arg.slice(0, 128 - quoted.length)}' `
  }
  return Reply.error(
    `unknown command '${command.slice(0, 128)}', with args beginning with: ${quoted}`.replace(/[\r\n]/g, " ")
  )
}

/**
 * Runs the model of a script, whole and at one instant. Changes from before an error reply stay, as on a server. Any other
 * exception is a defect of the model and is thrown.
 *
 * Inside, `call` has the conventions that Lua sees over RESP2. Integers are numbers, and everything else is text: "OK",
 * scores, both parts of TIME. Pairs are flattened, and an absent value is null (`false` in Lua). Texts keep bytes that are
 * not UTF-8 as lone surrogates, so that they are passed and compared exactly.
 *
 * @since 0.1.0
 * @category execution
 */
export const runScript = (
  self: Keyspace,
  environment: Environment,
  script: { readonly name: string; readonly model: (context: ScriptContext) => RedisReply },
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<RedisArgument>
): Execution => {
  let store: Store.Store = Store.sweep(self, environment.now)
  const call: ScriptContext["call"] = (command, ...words) => {
    const found = find(command)
    if (found === undefined) throw Reply.error("Unknown Redis command called from script")
    const texts = words.map(fromModel)
    if (!takes(found, texts)) throw Reply.error("Wrong number of args calling Redis command from script")
    const result = found.run(store, texts, environment)
    store = result.store
    if (Reply.isError(result.reply)) throw result.reply
    return Reply.toScript(result.reply)
  }
  try {
    const reply = script.model({
      keys: keys.map(ByteString.fromArgument),
      args: args.map(ByteString.fromArgument),
      call
    })
    return { reply: Reply.fromScript(reply), keyspace: store }
  } catch (thrown) {
    if (!Reply.isError(thrown)) throw thrown
    return { reply: new Reply.ErrorReply({ message: `${thrown.message} script: ${script.name}` }), keyspace: store }
  }
}

const fromModel = (argument: RedisArgument): string =>
  typeof argument === "string" ? ByteString.normalize(argument) : ByteString.fromArgument(argument)

/**
 * Reads the text under a key: null when the key is missing or holds another type. It is the most frequent command, and skips
 * the lookup of the command.
 *
 * @since 0.1.0
 * @category execution
 */
export const get = (
  self: Keyspace,
  now: number,
  key: string
): { readonly text: string | null; readonly keyspace: Keyspace } => {
  const swept = Store.sweep(self, now)
  const name = ByteString.fromArgument(key)
  const entry = Store.lookup(swept, name, now)
  if (entry === undefined || typeof entry.value !== "string") return { text: null, keyspace: swept }
  return { text: ByteString.toText(entry.value), keyspace: Store.touch(swept, name, entry) }
}

/**
 * Like `get`, for the stored bytes, which are exact where text is not. A key of another type is an `ErrorReply`.
 *
 * @since 0.1.0
 * @category execution
 */
export const getBytes = (
  self: Keyspace,
  now: number,
  key: string
): { readonly bytes: Uint8Array | null | ErrorReply; readonly keyspace: Keyspace } => {
  const swept = Store.sweep(self, now)
  const name = ByteString.fromArgument(key)
  const entry = Store.lookup(swept, name, now)
  if (entry === undefined) return { bytes: null, keyspace: swept }
  if (typeof entry.value !== "string") return { bytes: Reply.wrongType(), keyspace: swept }
  return { bytes: ByteString.toBytes(entry.value), keyspace: Store.touch(swept, name, entry) }
}
