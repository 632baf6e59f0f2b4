/**
 * Notifies the waiting callers of a lock or semaphore, in Lua.
 *
 * @since 0.1.0
 */

/**
 * Publishes to a channel. A user without rights to the channel releases all the same: waiting callers also poll.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaNotify = `
local function notify(channel)
  redis.pcall("PUBLISH", channel, "")
end
`
