/**
 * What Redis holds under a key of a cache, and whether a cache would serve it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CacheEntry from "../../cache/entry/CacheEntry.js"
import * as Compression from "../../cache/entry/Compression.js"
import { markerKeys } from "../../cache/invalidation/Markers.js"
import * as CacheScript from "../../cache/scripts/CacheScript.js"
import { markerOf } from "../../cache/scripts/MarkerScripts.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as Time from "../frame/Time.js"

/** Whether a cache that reads the entry now serves it. */
export type State =
  | "fresh"
  | "stale"
  | "invalidated"
  /** a marker is missing, so that nothing shows that the entry was not invalidated */
  | "unprovable"

export interface Inspection {
  readonly key: string
  readonly found: boolean
  /** what Redis holds, where it is no entry of a cache */
  readonly type?: string | undefined
  readonly state?: State | undefined
  /** what has invalidated it, or what is missing */
  readonly reason?: string | undefined
  readonly kind?: "value" | "error" | undefined
  /** the JSON; absent where it is encrypted */
  readonly value?: unknown
  readonly created?: string | undefined
  readonly ageMillis?: number | undefined
  /** until it is stale; below zero where it is */
  readonly freshForMillis?: number | undefined
  /** until Redis deletes it; null where it never does */
  readonly keptForMillis?: number | null | undefined
  readonly tags?: ReadonlyArray<string> | undefined
  readonly version?: number | undefined
  readonly versionTag?: string | undefined
  readonly encoding?: string | undefined
  /** of the stored entry, its attributes included */
  readonly bytes?: number | undefined
  /** a lookup of a process runs now, and its lease ends after so many milliseconds */
  readonly leaseMillis?: number | null | undefined
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The value of a content. Undefined where it is encrypted, or does not decompress. */
const readable = ({ encoding, text }: CacheEntry.Content): Effect.Effect<unknown> => {
  if (encoding === undefined) return Effect.succeed(jsonOf(text))
  if (encoding.keyId !== undefined) return Effect.succeed(undefined)
  return Effect.map(Compression.decompress(Buffer.from(String(jsonOf(text)), "base64")), (bytes) =>
    bytes === undefined ? undefined : jsonOf(bytes.toString())
  )
}

const encodingOf = ({ encoding }: CacheEntry.Content): string => {
  const parts = [
    encoding?.compression,
    encoding?.keyId === undefined ? undefined : `encrypted with the key ${encoding.keyId}`
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? "plain JSON" : parts.join(", then ")
}

/** Compares an entry with its markers, as rule 12 of docs/protocol.md does. */
const judged = (
  { createdAt, tags, timeToLive }: CacheEntry.StoredEntry,
  clear: number | undefined,
  tagMarkers: ReadonlyArray<number | undefined>,
  now: number
): Pick<Inspection, "state" | "reason"> => {
  if (clear === undefined) return { state: "unprovable", reason: "the marker of the cache is missing" }
  if (createdAt <= clear) return { state: "invalidated", reason: `the cache was cleared at ${Time.iso(clear)}` }
  for (const [i, tag] of tags.entries()) {
    const marker = tagMarkers[i]
    if (marker === undefined) return { state: "unprovable", reason: `the marker of the tag ${tag} is missing` }
    if (createdAt <= marker) {
      return { state: "invalidated", reason: `the tag ${tag} was invalidated at ${Time.iso(marker)}` }
    }
  }
  return { state: now < createdAt + timeToLive ? "fresh" : "stale" }
}

/** Reads the entry `key` of the cache `name`. Nothing is changed. */
export const inspect = (
  client: RedisClient.Service,
  name: string,
  key: string
): Effect.Effect<Inspection, RedisError> =>
  Effect.gen(function* () {
    const type = String(yield* client.send("TYPE", key))
    const lease = Time.millisLeft(yield* client.ttl(CacheScript.target("", key).lease))
    const leaseMillis = lease ?? undefined
    if (type === "none") return { key, found: false, leaseMillis }
    const stored = type === "string" ? Option.getOrUndefined(yield* client.get(key)) : undefined
    const entry = stored === undefined ? undefined : CacheEntry.parse(stored)
    const keptForMillis = Time.millisLeft(yield* client.ttl(key))
    if (stored === undefined || entry === undefined) return { key, found: true, type, keptForMillis, leaseMillis }
    const markers = markerKeys(name)
    const [clear, ...tagMarkers] = (yield* client.mget([markers.clear, ...entry.tags.map(markers.tag)])).map((text) =>
      Option.match(text, { onNone: () => undefined, onSome: markerOf })
    )
    // the markers and the creation time are by the server's clock
    const now = yield* client.serverTime
    return {
      key,
      found: true,
      ...judged(entry, clear, tagMarkers, now),
      kind: entry.content.kind,
      value: yield* readable(entry.content),
      created: Time.iso(entry.createdAt),
      ageMillis: Math.max(0, Math.round(now - entry.createdAt)),
      freshForMillis: Math.round(entry.createdAt + entry.timeToLive - now),
      keptForMillis,
      tags: entry.tags,
      version: entry.content.version,
      versionTag: entry.versionTag,
      encoding: encodingOf(entry.content),
      bytes: Buffer.byteLength(stored),
      leaseMillis
    }
  })
