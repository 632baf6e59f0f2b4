/**
 * Estimates how long large values take to reach Redis. Commands that are sent after a large value wait as long.
 *
 * @since 0.1.0
 */
import type { RedisClient } from "../../redis/RedisClient.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface TransferTime {
  /** How long a text that is sent now may take, after those in transfer, in milliseconds. */
  readonly millisFor: (text: string) => number
  /** Counts a text as in transfer from now on, until the returned callback is called. */
  readonly carrying: <A>(text: string, answered: (reply: A) => void) => (reply: A) => void
}

/** The slowest line on which a value of any size can be stored: about four megabits per second. */
const bytesPerMilli = 512

/** Shorter texts, in characters, do not count: their transfer takes a moment on any line. */
const leastLength = 16_384

const bytesOf = (text: string): number => (text.length < leastLength ? 0 : Buffer.byteLength(text))

const lines = new WeakMap<RedisClient.Service, TransferTime>()

const make = (): TransferTime => {
  let inTransfer = 0
  return {
    millisFor: (text) => Math.floor((inTransfer + bytesOf(text)) / bytesPerMilli),
    carrying: (text, answered) => {
      const bytes = bytesOf(text)
      if (bytes === 0) return answered
      inTransfer += bytes
      return (reply) => {
        inTransfer -= bytes
        answered(reply)
      }
    }
  }
}

/**
 * The transfer time of a client's line, which all of its caches share.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (redis: RedisClient.Service): TransferTime => {
  const line = lines.get(redis) ?? make()
  lines.set(redis, line)
  return line
}
