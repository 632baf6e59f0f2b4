/**
 * The budget of `bun run sizes`: the most kilobytes (1,000 bytes) that the toolkit adds to a program that uses this export.
 * Lower a number when a bundle shrinks. Raise one only with the reason in the commit.
 *
 * The whole engine is in each bundle of `TypedCache`: the goal of 60 KB needs features that a program can leave out.
 */
export const sizeBudget = {
  "TypedCache.make": 93,
  "TypedCache.Tag": 93,
  "RateLimiter.layer": 15,
  "DistributedLock.layer": 18,
  "DistributedSemaphore.layer": 18,
  "Leaderboard.make": 22,
  "Presence.make": 13,
  "Counter.make": 10,
  "RedisClient.RedisClient": 6,
  "MemoryRedis.layer": 42
}
