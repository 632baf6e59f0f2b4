/**
 * What the scripts of the cache protocol have in common: which value they touch, the server's time, and telling the
 * cache's channel what they did. Each piece stands twice, in Lua and as the model of it.
 *
 * @since 0.1.0
 */
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisKey from "../../redis/RedisKey.js"
import type { ScriptContext } from "../../redis/RedisScript.js"

/**
 * A value's key, its lease, and the channel on which its changes are published.
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
 * A new entry under a token: what `fill` and `finish` take.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenedEntry extends Target {
  readonly token: string
  /** when the entry was born, in milliseconds */
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
 * A publish that the server refuses for lack of rights neither undoes nor hides the write.
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
 * The text under a key. What is no text, since another program has put it there, is as good as nothing: a read takes it
 * for a miss too, and the next write replaces it.
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
