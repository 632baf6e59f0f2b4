/**
 * Notifies the waiting callers of a lock or semaphore.
 *
 * @since 0.1.0
 */
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as RedisKey from "../../redis/RedisKey.js"

/**
 * Names the channel that announces releases of a lock, or of the permits of a semaphore.
 *
 * @since 0.1.0
 * @category getters
 */
export const channel = (
  executor: Pick<RedisExecutor.RedisExecutor, "database" | "keyPrefix">,
  key: string
): RedisExecutor.OwnChannel => RedisExecutor.channelOf(executor, RedisKey.auxiliary(key, "released"))

/**
 * Defines `notify(channel)` for scripts. A user without rights to the channel releases all the same: waiting callers also poll.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaNotify = `
local function notify(channel)
  redis.pcall("PUBLISH", channel, "")
end
`
