/**
 * Compresses stored values with gzip (RFC 1952), which every runtime and every operator has.
 *
 * Up to 64 KiB are compressed in the calling thread, which takes less time than using another thread. More would block the
 * event loop, and goes to the thread pool.
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
  /** compresses values with a longer JSON, in bytes, if that makes them shorter */
  readonly above: number
}

/**
 * The most bytes of an uncompressed value. Without a limit a few stored kilobytes could decompress to gigabytes.
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
 * Compresses bytes. Undefined for more than `maxBytes`.
 *
 * @since 0.1.0
 * @category utils
 */
export const compress = (bytes: Uint8Array): Effect.Effect<Buffer | undefined> => {
  if (bytes.length > maxBytes) return Effect.succeed(undefined)
  return bytes.length > maxSyncBytes ? inThread((resume) => gzip(bytes, resume)) : attempt(() => gzipSync(bytes))
}

/**
 * Decompresses bytes. Undefined for bytes that are no gzip or have another checksum, and for more than `maxBytes`.
 *
 * @since 0.1.0
 * @category utils
 */
export const decompress = (bytes: Uint8Array): Effect.Effect<Buffer | undefined> => {
  const options = { maxOutputLength: maxBytes }
  // gzip ends with the uncompressed length in 32 bits; a wrong one only chooses the slower way
  return lengthAtEnd(bytes) > maxSyncBytes || bytes.length > maxSyncBytes
    ? inThread((resume) => gunzip(bytes, options, resume))
    : attempt(() => gunzipSync(bytes, { maxOutputLength: maxSyncBytes }))
}

const lengthAtEnd = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true)
