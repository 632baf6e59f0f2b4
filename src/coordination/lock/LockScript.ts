/**
 * What the scripts of locks and semaphores have in common.
 *
 * @since 0.1.0
 */

/**
 * A message that the server refuses for lack of rights to the channel neither undoes nor hides the release: those who
 * wait ask besides.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaTell = `
local function tell(channel)
  redis.pcall("PUBLISH", channel, "")
end
`
