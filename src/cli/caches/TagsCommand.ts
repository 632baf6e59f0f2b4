/**
 * `effect-cache tags <cache>`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { markerKeys } from "../../cache/invalidation/Markers.js"
import { markerOf } from "../../cache/scripts/MarkerScripts.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisKey from "../../redis/RedisKey.js"
import { ofRedis } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as KeyScan from "../frame/KeyScan.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as CacheArguments from "./CacheArguments.js"

interface Marker {
  /** undefined for the whole cache */
  readonly tag: string | undefined
  /** entries that were created then or before are invalid */
  readonly invalidBefore: string
  readonly keptForMillis: number | null
}

const most = Options.integer("most").pipe(
  Options.withDefault(1000),
  Options.withDescription("List at most so many tags.")
)

const markers = (
  client: RedisClient.Service,
  cache: string,
  most: number
): Effect.Effect<{ readonly found: ReadonlyArray<Marker>; readonly hasMore: boolean }, RedisError> =>
  Effect.gen(function* () {
    const keys = markerKeys(cache)
    const head = keys.tag("")
    const { hasMore, keys: tagKeys } = yield* KeyScan.keys(client, `${RedisKey.escapeGlob(head)}*`, most)
    const all = [keys.clear, ...tagKeys]
    const texts = yield* client.mget(all)
    const found = yield* Effect.forEach(all, (key, i) =>
      Effect.map(client.ttl(key), (left): ReadonlyArray<Marker> => {
        const marker = Option.flatMapNullable(texts[i] ?? Option.none(), markerOf)
        return Option.match(marker, {
          onNone: () => [],
          onSome: (time) => [
            {
              tag: key === keys.clear ? undefined : key.slice(head.length),
              invalidBefore: Time.iso(time),
              keptForMillis: Time.millisLeft(left)
            }
          ]
        })
      })
    )
    return { found: found.flat(), hasMore }
  })

export const command = Command.make(
  "tags",
  { cache: CacheArguments.cache, most, json: Screen.json },
  ({ cache, json, most }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const { found, hasMore } = yield* RedisClient.pipe(
        Effect.flatMap((client) => Effect.mapError(markers(client, cache, most), ofRedis)),
        Connection.provide()
      )
      const cleared = found.find(({ tag }) => tag === undefined)
      const tags = found.filter(({ tag }) => tag !== undefined)
      const rows = tags.map(({ invalidBefore, keptForMillis, tag }) => [
        Screen.plain(tag ?? ""),
        `valid if created after ${invalidBefore}`,
        keptForMillis === null ? "" : `kept for ${Time.shown(keptForMillis)}`
      ])
      yield* Screen.print(json, {
        lines: [
          cleared === undefined
            ? `no process uses the cache ${cache}: it has no marker`
            : `the cache ${cache}: entries are valid if created after ${cleared.invalidBefore}`,
          ...Screen.table(rows),
          ...(hasMore ? [`more than ${most} tags: --most shows more`] : [])
        ],
        data: { cache, clear: cleared ?? null, tags, hasMore }
      })
    })
).pipe(
  Command.withDescription(
    "List the tags of a cache, each with the time of its last invalidation. A tag is known as long as entries with it may live."
  )
)
