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
 * @since 0.1.0
 * @category getters
 */
export const tokenedEntryArguments = (input: TokenedEntry) => [
  input.token,
  `{"created":${input.created},${input.body}`,
  input.keepMillis,
  input.channel,
  input.message
]

/**
 * Publishes a message. A publish that the server rejects for lack of rights neither undoes nor hides the write.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaTell = `
local function tell(channel, message)
  redis.pcall("PUBLISH", channel, message)
end
`

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
 * @since 0.1.0
 * @category models
 */
export const text = ({ call }: Pick<ScriptContext, "call">, key: string): string | undefined => {
  if (call("TYPE", key) !== "string") return undefined
  const found: RedisReply = call("GET", key)
  return typeof found === "string" ? found : undefined
}
