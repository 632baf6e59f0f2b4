/** The shared tier of a cache by the name of "tier", on a client of a test's. */
import * as Effect from "effect/Effect"
import type * as EntryCodec from "../../src/cache/EntryCodec.js"
import * as Invalidation from "../../src/cache/Invalidation.js"
import * as LatencyHistogram from "../../src/cache/LatencyHistogram.js"
import * as RedisTier from "../../src/cache/RedisTier.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"

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
  return Effect.flatMap(
    Invalidation.make({
      redis,
      name: "tier",
      isTagged,
      target: (key) => ({ key, lease: `{${key}}:lease`, channel: "tier" }),
      outboxCapacity: 10,
      afterOutage: "trust",
      markerMillis: 3_600_000,
      dropLocal: () => {},
      onOthers: () => {}
    }),
    (invalidation) => RedisTier.make({ redis, codec, invalidation, isTagged, latency, onDecodeFailure })
  )
}
