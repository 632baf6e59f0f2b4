/**
 * The ratios that must not get worse, for `bun run bench --quick`.
 *
 * Each is about half of what docs/benchmarks shows, and less where many callers wait at once: the median of a short run
 * moves by that much when two cores are shared with other programs. They are there to notice that a path got twice as slow,
 * not that it lost a tenth; raise them when the table has moved up for good.
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
  many: 2.2
}
