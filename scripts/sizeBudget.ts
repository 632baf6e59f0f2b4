/**
 * The budget of `bun run sizes`: the most kilobytes (1,000 bytes) that the toolkit adds to a program that uses this export.
 * Lower a number when a bundle shrinks. Raise one only with the reason in the commit.
 *
 * The whole engine is in each bundle of `TypedCache`: the goal of 60 KB needs features that a program can leave out.
 */
export const sizeBudget = {
  "TypedCache.make": 95,
  "TypedCache.Tag": 95,
  "RateLimiter.layer": 14,
  "DistributedLock.layer": 18,
  "DistributedSemaphore.layer": 18,
  "Leaderboard.make": 22,
  "Presence.make": 12,
  "Counter.make": 9,
  "RedisClient.RedisClient": 1,
  "MemoryRedis.layer": 43
}
