/**
 * The budget of `bun run sizes`: the most kilobytes (1,000 bytes) that the toolkit adds to a program that uses this export.
 * Lower a number when a bundle shrinks. Raise one only with the reason in the commit.
 *
 * The whole engine is in each bundle of `TypedCache`, since a method of the cache cannot be left out. Values and keys take
 * 18 KB of it, reads and loads 26, invalidation 9, the scripts with their models 7. Entries and markers on different servers
 * added 8: two generations for a read, outages of each server, creation times by the markers' clock. The client is chosen when
 * the program runs, so that no bundler can leave them out for one server. The goal of 60 KB needs features that a program can
 * leave out.
 *
 * The places where telemetry listens and spans begin take 1 KB of a cache, and half of one of a lock or semaphore. What listens
 * there is in `/telemetry`.
 *
 * The sentences about options that contradict each other are 3 KB, and what the dashboard finds of a cache is half of one: a
 * warning is logged where the cache is built, so that no bundler can leave it out.
 *
 * The Lua that runs several calls of a script as one command takes 2 KB of a cache, beside the models that say what it does.
 *
 * Reading the messages of other processes without a parser takes 1 KB, and one argument for what the calls of a command have in
 * common another one. With 8 processes a `set` costs each of them half of what it did, and the server a fifth less.
 *
 * Loads and writes are rows of callbacks, without a fiber for each: a class and its states take 7 KB more of a cache than the
 * effects took, and a miss half of the processor time.
 *
 * `MemoryRedis.layer` takes `keyPrefix`, so that it holds what puts a prefix before the keys of any command: 7 KB.
 *
 * A call of a cache may say how old a value may be: 2 KB, since a method's option cannot be left out. `LocalCache` has the reads, the
 * loads, the keys and the counts of a cache, and nothing that speaks to Redis: 54 KB.
 *
 * What settings at run time change of a cache takes 0.3 KB: four fields that its parts read at each use, and how long Redis keeps an
 * entry while `staleFor` is a longer one. What stores settings and listens to them is in `RuntimeSettings`.
 *
 * Tracking on a cluster, by a connection to each primary that is tried again, takes 0.6 KB of a cache: `local.tracking` is an option,
 * which no bundler leaves out.
 *
 * What stores dates, bigints, maps, bytes and NaN takes 4 KB of a cache, a third of it to find unions in which two values would be stored as
 * one. A program passes a schema and not a codec, so that no bundler can leave a form out.
 *
 * Several limits in one step, all or nothing, take 7 KB of a `RateLimiter`; penalties, blocks and limits that change while they count
 * take 3. They are operations of one service, which no bundler takes apart. A typed value beside each member, and boards that rank
 * the lowest first, take 2 KB of a board. Several permits of one holder take half of one of a semaphore.
 *
 * The numbers that settings at run time give to limits with a name take 1.5 KB of a `RateLimiter`: which limits are used, and how each
 * is made anew. What listens to settings is in `RuntimeSettings` here too.
 *
 * Locks and semaphores share one renewal, and run a body on its caller's fiber: 2 KB. The scripts of a lock take several calls at
 * once and announce waiting callers: 3 KB of Lua and models. A lock costs its caller a fourth of what it did before.
 */
export const sizeBudget = {
  "LocalCache.make": 56,
  "TypedCache.make": 129,
  "TypedCache.Tag": 129,
  "RateLimiter.layer": 23,
  "DistributedLock.layer": 20,
  "DistributedSemaphore.layer": 18,
  "Leaderboard.make": 20,
  "Presence.make": 9,
  "Counter.make": 6,
  "RedisClient.RedisClient": 1,
  "MemoryRedis.layer": 48
}
