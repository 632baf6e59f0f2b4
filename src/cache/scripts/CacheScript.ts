/**
 * The parts that the scripts of the cache protocol share. Each part stands twice: in Lua, and as its model.
 *
 * @since 0.1.0
 */
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisKey from "../../redis/RedisKey.js"
import type { ScriptContext } from "../../redis/RedisScript.js"

/**
 * A value's key, its lease, and the channel on which its changes are published, as the server knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Target {
  readonly key: string
  readonly lease: string
  readonly channel: string
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const target = (channel: string, key: string): Target => ({
  key,
  lease: RedisKey.auxiliary(key, "lease"),
  channel
})

/**
 * A value and its lease, which share a slot.
 *
 * @since 0.1.0
 * @category getters
 */
export const keys = (target: Target) => [target.key, target.lease]

/**
 * A new entry under a token: the input of `fill` and `finish`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenedEntry extends Target {
  readonly token: string
  /** the creation time of the entry, in milliseconds */
  readonly created: number
  readonly body: string
  readonly keepMillis: number
  readonly message: string
}

/**
 * The text that is stored for an entry.
 *
 * @since 0.2.0
 * @category getters
 */
export const entryText = (input: TokenedEntry): string => `{"created":${input.created},${input.body}`

/**
 * The group of a batch: its messages go to one channel.
 *
 * @since 0.2.0
 * @category getters
 */
export const groupOf = ({ channel }: Target): string => channel

/**
 * Publishes messages as one, a line for each. A publish that the server rejects for lack of rights neither undoes nor hides
 * the write.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaTell = `
local function tell(channel, messages)
  if #messages > 0 then redis.pcall("PUBLISH", channel, table.concat(messages, "\\n")) end
end
`

/**
 * Defines `list` of an argument that `listed` has made, and `tellDone`: it publishes the line of each call whose reply is 1.
 * `messages` has a line for each call, and `done` is how many replies are 1. An argument for each call would cost the server
 * and its client more than the call itself.
 *
 * @since 0.2.0
 * @category constants
 */
export const luaLists = `
local function list(argument)
  local parts = {}
  for part in string.gmatch(argument, "%S+") do parts[#parts + 1] = part end
  return parts
end
local function tellDone(channel, messages, replies, done)
  if done == 0 then return end
  if done < #replies then
    local lines, i = {}, 0
    for line in string.gmatch(messages, "[^\\n]+") do
      i = i + 1
      if replies[i] == 1 then lines[#lines + 1] = line end
    end
    messages = table.concat(lines, "\\n")
  end
  redis.pcall("PUBLISH", channel, messages)
end
`

/**
 * The numbers of all calls as one argument: a list, or one number that they share.
 *
 * @since 0.2.0
 * @category getters
 */
export const listed = <Input>(inputs: ReadonlyArray<Input>, numberOf: (input: Input) => number): string | number => {
  const [first] = inputs
  if (first === undefined) return ""
  const shared = numberOf(first)
  return inputs.every((input) => numberOf(input) === shared) ? shared : inputs.map(numberOf).join(" ")
}

/**
 * The messages of all calls as one argument, a line for each.
 *
 * @since 0.2.0
 * @category getters
 */
export const linesOf = (inputs: ReadonlyArray<{ readonly message: string }>): string =>
  inputs.map(({ message }) => message).join("\n")

/**
 * Reads the text under a key. Another program's structure counts as nothing: a read treats it as a miss too, and the next
 * write replaces it.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaText = `
local function text(key)
  local found = redis.pcall("GET", key)
  return type(found) == "string" and found or nil
end
`

/**
 * Defines `text`, `texts` of several keys, and `delete`: each of the latter two is one command for all keys, which costs a
 * server less. A user without the right to MGET reads the keys one by one.
 *
 * @since 0.2.0
 * @category constants
 */
export const luaTexts = `${luaText}
local unpack = table.unpack or unpack
local function texts(keys)
  local found = redis.pcall("MGET", unpack(keys))
  if found.err then
    for i, key in ipairs(keys) do found[i] = text(key) or false end
  end
  return found
end
local function delete(keys)
  if #keys > 0 then redis.call("DEL", unpack(keys)) end
end
`

/**
 * @since 0.1.0
 * @category models
 */
export const text = ({ call }: Pick<ScriptContext, "call">, key: string): string | undefined => {
  if (call("TYPE", key) !== "string") return undefined
  const found: RedisReply = call("GET", key)
  return typeof found === "string" ? found : undefined
}
