/**
 * How long values are on the line to Redis: a large one takes its time, and what is sent after it waits as long.
 *
 * @since 0.1.0
 */
import type { RedisClient } from "../../redis/RedisClient.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface TransferTime {
  /** How long a text may take that is sent now, behind those that are on their way, in milliseconds. */
  readonly millisFor: (text: string) => number
  /** Counts a text that is sent now as on its way, until the callback in the answer is called. */
  readonly carrying: <A>(text: string, answered: (reply: A) => void) => (reply: A) => void
}

/** The slowest line on which a value of any size is stored: some four megabits a second. */
const bytesPerMilli = 512

/** Texts of so many characters at least count: shorter ones are on any line for a moment. */
const leastLength = 16_384

const bytesOf = (text: string): number => (text.length < leastLength ? 0 : Buffer.byteLength(text))

const lines = new WeakMap<RedisClient.Service, TransferTime>()

const make = (): TransferTime => {
  let underWay = 0
  return {
    millisFor: (text) => Math.floor((underWay + bytesOf(text)) / bytesPerMilli),
    carrying: (text, answered) => {
      const bytes = bytesOf(text)
      if (bytes === 0) return answered
      underWay += bytes
      return (reply) => {
        underWay -= bytes
        answered(reply)
      }
    }
  }
}

/**
 * The line of a client, which all caches on it share.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (redis: RedisClient.Service): TransferTime => {
  const line = lines.get(redis) ?? make()
  lines.set(redis, line)
  return line
}
