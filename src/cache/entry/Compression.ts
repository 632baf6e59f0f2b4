/**
 * Compressing stored values: gzip (RFC 1952), which every runtime and every operator has.
 *
 * Up to 64 KiB it is done at once, which takes less than handing it to another thread; more would keep everything else
 * waiting, and is handed over.
 *
 * @since 0.1.0
 */
import { gunzip, gunzipSync, gzip, gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface Compression {
  /** values whose JSON is longer, in bytes, are compressed if that makes them shorter */
  readonly above: number
}

/**
 * What is longer, in bytes, is neither compressed nor decompressed to: a few kilobytes could stand for gigabytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxBytes = 64 * 1024 * 1024

const maxSyncBytes = 64 * 1024

const attempt = (run: () => Buffer): Effect.Effect<Buffer | undefined> =>
  Effect.sync(() => {
    try {
      return run()
    } catch {
      return undefined
    }
  })

const inThread = (
  run: (resume: (error: Error | null, bytes: Buffer) => void) => void
): Effect.Effect<Buffer | undefined> =>
  Effect.async<Buffer | undefined>((resume) =>
    run((error, bytes) => resume(Effect.succeed(error === null ? bytes : undefined)))
  )

/**
 * Undefined for more than `maxBytes`.
 *
 * @since 0.1.0
 * @category utils
 */
export const compress = (bytes: Uint8Array): Effect.Effect<Buffer | undefined> => {
  if (bytes.length > maxBytes) return Effect.succeed(undefined)
  return bytes.length > maxSyncBytes ? inThread((resume) => gzip(bytes, resume)) : attempt(() => gzipSync(bytes))
}

/**
 * Undefined for what is no gzip, was cut or changed (by its checksum), or is more than `maxBytes` of this.
 *
 * @since 0.1.0
 * @category utils
 */
export const decompress = (bytes: Uint8Array): Effect.Effect<Buffer | undefined> => {
  const options = { maxOutputLength: maxBytes }
  // the length of what it will be stands at its end, in 32 bits; a lie costs time and is found out
  return lengthAtEnd(bytes) > maxSyncBytes || bytes.length > maxSyncBytes
    ? inThread((resume) => gunzip(bytes, options, resume))
    : attempt(() => gunzipSync(bytes, { maxOutputLength: maxSyncBytes }))
}

const lengthAtEnd = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true)
