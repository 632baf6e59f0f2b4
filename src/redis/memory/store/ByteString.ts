/**
 * Byte strings as JavaScript strings, so that one type serves keys, members and values and compares by identity.
 *
 * Bytes that are UTF-8 are their text. Other bytes keep ASCII as it is and carry every byte from 0x80 up as the lone
 * surrogate U+DC00 + byte, which no text can hold. So each byte string has exactly one form, and text costs nothing.
 *
 * @since 0.1.0
 */
import type { RedisArgument } from "../../RedisConnection.js"

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * The byte string that a client sends for an argument. A lone surrogate of a text is sent as U+FFFD.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromArgument = (argument: RedisArgument): string => {
  if (typeof argument === "string") return argument.toWellFormed()
  return typeof argument === "number" ? String(argument) : fromBytes(argument)
}

/**
 * The byte string of some bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromBytes = (bytes: Uint8Array): string => {
  const lossy = lossyDecoder.decode(bytes)
  // only a replacement character, which may also be intended, makes the text differ from the bytes
  if (!lossy.includes("\uFFFD") || isUtf8(bytes)) return lossy
  let escaped = ""
  for (const byte of bytes) escaped += String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)
  return escaped
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    strictDecoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

/**
 * Restores the one form of a byte string after its parts were joined or cut.
 *
 * @since 0.1.0
 * @category constructors
 */
export const normalize = (parts: string): string => (parts.isWellFormed() ? parts : fromBytes(toBytes(parts)))

/**
 * The bytes themselves.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toBytes = (self: string): Uint8Array => {
  if (self.isWellFormed()) return encoder.encode(self)
  const bytes: Array<number> = []
  for (const character of self) {
    const unit = character.charCodeAt(0)
    if (character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff) bytes.push(unit - 0xdc00)
    else for (const byte of encoder.encode(character)) bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

/**
 * Converts to the text that a client reads: bytes that are not UTF-8 become U+FFFD.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toText = (self: string): string => (self.isWellFormed() ? self : lossyDecoder.decode(toBytes(self)))

/**
 * The number of bytes.
 *
 * @since 0.1.0
 * @category getters
 */
export const byteLength = (self: string): number => toBytes(self).length

/**
 * The bytes as characters U+0000 to U+00FF.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toLatin1 = (self: string): string => {
  let latin1 = ""
  for (const byte of toBytes(self)) latin1 += String.fromCharCode(byte)
  return latin1
}

/**
 * The order of the bytes, which is the order of code points and not that of JavaScript's strings.
 *
 * @since 0.1.0
 * @category orders
 */
export const Order = (self: string, that: string): -1 | 0 | 1 => {
  if (self === that) return 0
  const shorter = Math.min(self.length, that.length)
  for (let i = 0; i < shorter; i++) {
    const a = self.charCodeAt(i)
    const b = that.charCodeAt(i)
    if (a === b) continue
    // only surrogates are out of order: they stand for code points above, or bytes below, their neighbours
    return isSurrogate(a) || isSurrogate(b) ? compareBytes(toBytes(self), toBytes(that)) : a < b ? -1 : 1
  }
  return self.length < that.length ? -1 : 1
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff

const compareBytes = (self: Uint8Array, that: Uint8Array): -1 | 0 | 1 => {
  const shorter = Math.min(self.length, that.length)
  for (let i = 0; i < shorter; i++) {
    const difference = (self[i] ?? 0) - (that[i] ?? 0)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return self.length === that.length ? 0 : self.length < that.length ? -1 : 1
}
