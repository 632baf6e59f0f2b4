/**
 * The keys that encrypt stored values.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Xaes256Gcm from "./Xaes256Gcm.js"

/**
 * Encrypts with the first of its keys, and decrypts with all of them. It never prints a key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encryption {
  /** The id of the key that encrypts. */
  readonly keyId: string
  /** Encrypts the parts as one text. Only the same associated data opens it. */
  readonly seal: (parts: ReadonlyArray<Uint8Array>, associatedData: string) => Buffer
  /** Decrypts. Undefined when the key is unknown, or the bytes or the associated data have changed. */
  readonly open: (keyId: string, sealed: Uint8Array, associatedData: string) => Buffer | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface EncryptionKey {
  /** stored with each value, in the clear: up to 64 letters, digits, dots, dashes and underscores */
  readonly id: string
  /** 32 random bytes in base64, as `openssl rand -base64 32` prints them */
  readonly key: Redacted.Redacted<string>
}

/**
 * The keys are not usable. The error never holds a key.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidEncryptionKey extends Schema.TaggedError<InvalidEncryptionKey>()("InvalidEncryptionKey", {
  reason: Schema.Literal("NoKeys", "InvalidId", "DuplicateId", "NotBase64", "WrongLength"),
  /** the position of the key, from 1; 0 when there is no key */
  position: Schema.Int
}) {
  override get message(): string {
    return this.position === 0 ? messages.NoKeys : `encryption key ${this.position}: ${messages[this.reason]}`
  }
}

const messages: Record<InvalidEncryptionKey["reason"], string> = {
  NoKeys: "there is no encryption key",
  InvalidId: "an id is 1 to 64 letters, digits, dots, dashes and underscores",
  DuplicateId: "another key has the same id",
  NotBase64: "it is not base64",
  WrongLength: `it has another length than ${Xaes256Gcm.keyBytes} bytes`
}

/**
 * Makes an `Encryption` of keys. Fails with `InvalidEncryptionKey` when there is no key, or two keys have the same id. So it
 * does for an id with other characters, and for a key that is not 32 bytes of base64.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Encryption } from "effect-cache-toolkit"
 * import * as Redacted from "effect/Redacted"
 *
 * // encrypts with the key of 2026, and still decrypts with that of 2025
 * const encryption = Encryption.make([
 *   { id: "2026", key: Redacted.make("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=") },
 *   { id: "2025", key: Redacted.make("EjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vA=") }
 * ])
 */
export const make = (keys: ReadonlyArray<EncryptionKey>): Either.Either<Encryption, InvalidEncryptionKey> =>
  Either.gen(function* () {
    const ciphers = new Map<string, Xaes256Gcm.Xaes256Gcm>()
    for (const [i, { id, key }] of keys.entries()) {
      const reject = (reason: InvalidEncryptionKey["reason"]) =>
        Either.left(new InvalidEncryptionKey({ reason, position: i + 1 }))
      if (!/^[\w.-]{1,64}$/.test(id)) return yield* reject("InvalidId")
      if (ciphers.has(id)) return yield* reject("DuplicateId")
      const bytes = yield* Either.orElse(Encoding.decodeBase64(Redacted.value(key)), () => reject("NotBase64"))
      if (bytes.length !== Xaes256Gcm.keyBytes) return yield* reject("WrongLength")
      ciphers.set(id, Xaes256Gcm.make(bytes))
    }
    const [first] = ciphers
    if (first === undefined) return yield* Either.left(new InvalidEncryptionKey({ reason: "NoKeys", position: 0 }))
    const [keyId, { seal }] = first
    return {
      keyId,
      seal: (parts, associatedData) => seal(parts, associatedData),
      open: (keyId, sealed, associatedData) => ciphers.get(keyId)?.open(sealed, associatedData)
    }
  })

/**
 * Reads the keys from a variable, with commas between them: `<id>:<base64>,<id>:<base64>`. The first key encrypts.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (name: string): Config.Config<Encryption> =>
  Config.mapOrFail(Config.redacted(name), (text) => {
    const keys = Redacted.value(text)
      .split(",")
      .map((key) => key.trim())
      .map((key) => ({ id: key.split(":", 1)[0] ?? "", key: Redacted.make(key.slice(key.indexOf(":") + 1)) }))
    return Either.mapLeft(make(keys), ({ message }) =>
      ConfigError.InvalidData(
        [name],
        `${message}; expected <id>:<base64 of ${Xaes256Gcm.keyBytes} bytes>, with commas between`
      )
    )
  })
