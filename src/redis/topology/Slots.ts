/**
 * The hash slot of a key: CRC16 of the key, or of its hash tag, modulo 16384.
 *
 * The algorithm is that of the Redis Cluster specification, with the CRC of XMODEM (polynomial 0x1021).
 *
 * @internal
 */

import { hashTag } from "../RedisKey.js"

/** The number of slots of a cluster. */
export const slotCount = 16_384

const table: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
  return crc & 0xffff
})

const next = (crc: number, byte: number): number => ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ byte) & 0xff] ?? 0)

const encoder = new TextEncoder()

/** The slot of a key, between 0 and 16383. */
export const of = (key: string): number => {
  const tag = hashTag(key)
  let crc = 0
  for (let i = 0; i < tag.length; i++) {
    const code = tag.charCodeAt(i)
    // the slot is that of the bytes, and only ASCII has one for each character
    if (code > 0x7f) return encoder.encode(tag).reduce(next, 0) % slotCount
    crc = next(crc, code)
  }
  return crc % slotCount
}
