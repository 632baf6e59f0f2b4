/**
 * Decodes the texts that Redis holds under the keys of one command. A text that does not decode is counted, and is a miss.
 * It affects neither the other keys nor the next read of its own key.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Eager from "../../internal/effect/Eager.js"
import { CacheCodecError } from "../entry/CacheCodec.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { EntryCodec } from "../entry/EntryCodec.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface StoredTextsOptions<A> {
  readonly codec: EntryCodec<A>
  /** Counts a text that does not decode, and answers the line to log, if any. */
  readonly onDecodeFailure: (key: string, error: CacheCodecError) => Effect.Effect<void> | undefined
  /** Runs codecs that need a fiber, and log lines. */
  readonly fork: (effect: Effect.Effect<void>) => void
}

/**
 * Decodes the texts of keys, in their order, and calls `onDecoded` with the entries: at once, unless a codec needs a fiber.
 *
 * @since 0.2.0
 * @category models
 */
export type Decode<A> = (
  keys: ReadonlyArray<string>,
  textAt: (place: number) => string | undefined,
  onDecoded: (entries: ReadonlyArray<CacheEntry.CacheEntry<A> | undefined>) => void
) => void

/** A text that has not the form of an entry. */
const noEntry = new CacheCodecError({ operation: "Decode", path: "" })

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A>({ codec, fork, onDecodeFailure }: StoredTextsOptions<A>): Decode<A> => {
  const report = (key: string, error: CacheCodecError): undefined => {
    const line = onDecodeFailure(key, error)
    if (line !== undefined) fork(line)
  }

  const decode = (key: string, stored: CacheEntry.StoredEntry): Effect.Effect<A, CacheCodecError> => {
    try {
      return codec.decode(key, stored)
    } catch (defect) {
      // a defect in a callback of the client would end the process
      return Exit.die(defect)
    }
  }

  const entryOf = (
    key: string,
    stored: CacheEntry.StoredEntry,
    decoded: Exit.Exit<A, CacheCodecError>
  ): CacheEntry.CacheEntry<A> | undefined => {
    if (Exit.isSuccess(decoded)) return CacheEntry.withValue(stored, decoded.value)
    const { cause } = decoded
    const died = () => new CacheCodecError({ operation: "Decode", path: "", cause: Cause.squash(cause) })
    return report(key, Option.getOrElse(Cause.failureOption(cause), died))
  }

  return (keys, textAt, onDecoded) => {
    const entries: Array<CacheEntry.CacheEntry<A> | undefined> = []
    const later: Array<Effect.Effect<void>> = []
    for (let place = 0; place < keys.length; place++) {
      entries.push(undefined)
      const text = textAt(place)
      if (text === undefined) continue
      const key = keys[place] ?? ""
      const stored = CacheEntry.parse(text)
      if (stored === undefined) {
        report(key, noEntry)
        continue
      }
      const decoded = decode(key, stored)
      if (Eager.isExit(decoded)) entries[place] = entryOf(key, stored, decoded)
      else {
        const settled = Effect.map(Effect.exit(decoded), (exit) => {
          entries[place] = entryOf(key, stored, exit)
        })
        later.push(settled)
      }
    }
    if (later.length === 0) onDecoded(entries)
    else fork(Effect.andThen(Effect.all(later, { discard: true }), () => onDecoded(entries)))
  }
}
