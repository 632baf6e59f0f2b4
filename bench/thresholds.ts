/**
 * The ratios that must not get worse, for `bun run bench --quick`.
 *
 * Each is about half of the ratio in docs/benchmarks, and less where many callers wait at once. The median of a short run
 * varies by that much when other programs share the cores. A threshold detects a path that is twice as slow, not one that
 * lost a tenth. Raise it when the ratio in docs/benchmarks has risen for good.
 */
export const thresholds = {
  /** `get` of RedisClient, in `get`s of the bare client */
  clientAt128: 2,
  clientAt1000: 1.8,
  /** a typed read from Redis at 128, in reads of the bare client with JSON.parse */
  shared: 0.9,
  /** a typed read from the process at 128, in reads of effect's Cache */
  local: 5,
  /** a key of getMany at 16, in single typed reads by as many callers */
  many: 2.2,
  /** a typed set at 128, in sets of bentocache */
  set: 0.3,
  /** a miss at 128, in misses of cacheable */
  miss: 0.2,
  /** a stampede of 1,000 on a lookup of 5 ms, in those of cacheable */
  stampede: 0.15,
  /** a call against a limit at 128, in calls of rate-limiter-flexible */
  limit: 0.45,
  /** a lock at 128, in locks of redlock-universal */
  lock: 0.45
}
