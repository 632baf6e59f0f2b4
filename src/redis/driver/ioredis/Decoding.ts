/**
 * Decodes what the parsers of ioredis deliver. Texts come as bytes and numbers as texts, since both versions round
 * long numbers wrongly: -1e300 would be -1.0000000000000006e300.
 *
 * @internal
 */
import type { RedisReply } from "../../RedisConnection.js"

const infinite = /^[+-]?inf/i

/** A number in the words of the protocol, which has no more of them than `inf` and `nan`. */
const number = (text: string): number => {
  const value = Number(text)
  if (!Number.isNaN(value) || !infinite.test(text)) return value
  return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

export const reply = (raw: unknown): RedisReply => {
  if (raw instanceof Buffer) return raw.toString()
  if (typeof raw === "string") return number(raw)
  if (Array.isArray(raw)) {
    const replies = new Array<RedisReply>(raw.length)
    for (let i = 0; i < raw.length; i++) replies[i] = reply(raw[i])
    return replies
  }
  // an error inside a list stays what it is
  if (typeof raw !== "object" || raw === null || raw instanceof Error) return raw as RedisReply
  return Object.fromEntries(Object.entries(raw).map(([field, value]) => [field, reply(value)]))
}
