/**
 * The budget of `bun run sizes`: the most kilobytes (1,000 bytes) that the toolkit adds to a program that uses this export.
 * Lower a number when a bundle shrinks. Raise one only with the reason in the commit.
 */
export const sizeBudget = {
  "TypedCache.make": 88,
  "TypedCache.Tag": 124,
  "RateLimiter.layer": 63,
  "DistributedLock.layer": 18,
  "DistributedSemaphore.layer": 17,
  "Leaderboard.make": 21,
  "Presence.make": 12,
  "Counter.make": 8,
  "RedisClient.RedisClient": 6,
  "MemoryRedis.layer": 41
}
