/** The Redis tier of a cache named "tier", on a given client. */
import * as Effect from "effect/Effect"
import { CacheKey } from "../../../src/cache/entry/CacheKey.js"
import type * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import * as CacheServers from "../../../src/cache/invalidation/CacheServers.js"
import * as Invalidation from "../../../src/cache/invalidation/Invalidation.js"
import { markerKeys } from "../../../src/cache/invalidation/Markers.js"
import type { ReadFailure } from "../../../src/cache/invalidation/outage/ReadFailure.js"
import * as RedisTier from "../../../src/cache/tiers/RedisTier.js"
import type { Found, ReadListener, TierResult } from "../../../src/cache/tiers/TierRead.js"
import * as LatencyHistogram from "../../../src/internal/collection/LatencyHistogram.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"

export const tierOn = <A>(
  redis: RedisClient.Service,
  codec: EntryCodec.EntryCodec<A>,
  options: {
    readonly isTagged?: boolean
    readonly latency?: LatencyHistogram.LatencyHistogram
    readonly onDecodeFailure?: (key: string) => void
  } = {}
) => {
  const { isTagged = true, latency = LatencyHistogram.make(), onDecodeFailure = () => {} } = options
  return Effect.gen(function* () {
    const servers = CacheServers.make(RedisExecutor.of(redis), markerKeys("tier").clear, yield* Effect.clock)
    const { guard, markers } = yield* Invalidation.make({
      redis,
      servers,
      name: "tier",
      isTagged,
      isTracked: false,
      outboxCapacity: 10,
      afterOutage: "trust",
      markerMillis: 3_600_000,
      overrides: { isOff: false },
      dropLocal: () => {},
      onOthers: () => {}
    })
    const tier = yield* RedisTier.make({
      redis,
      servers,
      codec,
      guard,
      markers,
      isTagged,
      latency,
      onDecodeFailure: (key) => {
        onDecodeFailure(key)
        return undefined
      }
    })
    return byText(tier)
  })
}

/** A tier whose keys are given as strings. */
export interface TierByText<A> {
  readonly readTo: (text: string, listener: ReadListener<A>, number: number) => void
  readonly read: (text: string) => Effect.Effect<Found<A>, ReadFailure>
  readonly readMany: (texts: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<TierResult<A>>>
  readonly readKeys: RedisTier.RedisTier<A>["readMany"]
}

const byText = <A>({ read, readMany, readTo }: RedisTier.RedisTier<A>): TierByText<A> => {
  const keys = new Map<string, CacheKey>()
  const keyOf = (text: string) => {
    const key = keys.get(text) ?? new CacheKey(text)
    keys.set(text, key)
    return key
  }
  return {
    readTo: (text, listener, number) => readTo(keyOf(text), listener, number),
    read: (text) => read(keyOf(text)),
    readMany: (texts) => readMany(texts.map(keyOf)),
    readKeys: readMany
  }
}
