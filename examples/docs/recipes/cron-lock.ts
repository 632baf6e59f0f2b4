import { Console, Cron, DateTime, Effect, Layer, Schedule } from "effect"
import { DistributedLock } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

/** Stands for a table: the days whose report is written. Its primary key is the day. */
const reports = new Map<string, string>()
let runs = 0

/** Runs once for each day, however many processes call it, and however often. */
const nightly = (day: string) =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    const write = Effect.gen(function* () {
      // a lock keeps others out now, and this keeps out those that come later: a clock that is behind, a restart
      if (reports.has(day)) return "done already"
      runs++
      yield* Effect.sleep("100 millis")
      reports.set(day, "the report")
      return "written"
    })
    return yield* lock.withLock(`report:${day}`, { timeToLive: "30 seconds", maxWait: 0 })(write)
  }).pipe(
    // another process is at it
    Effect.catchTag("LockNotAcquired", () => Effect.succeed("left to another process")),
    // without Redis there is no lock: the job does not run, and the schedule tries again
    Effect.retry({
      while: (error) => error._tag === "RedisUnavailable",
      schedule: Schedule.spaced("1 minute"),
      times: 30
    })
  )

/** At three in the morning, in every process: fork it when the program starts. */
export const schedule = Effect.gen(function* () {
  const day = DateTime.formatIsoDateUtc(yield* DateTime.now)
  yield* Effect.flatMap(nightly(day), (outcome) => Effect.log(`report of ${day}: ${outcome}`))
}).pipe(
  Effect.catchAllCause((cause) => Effect.logError("the report has failed", cause)), // and runs again tomorrow
  Effect.schedule(Schedule.cron(Cron.unsafeParse("0 3 * * *", "UTC")))
)

const program = Effect.gen(function* () {
  const outcomes = yield* Effect.replicateEffect(nightly("2026-12-01"), 3, { concurrency: "unbounded" })
  const later = yield* nightly("2026-12-01")
  yield* Console.log(`three processes: ${outcomes.join(", ")}; later: ${later}; ${runs} run`)
  if (runs !== 1) return yield* Effect.dieMessage("not as it should be")
})

const redis = SocketRedis.layerConfig({ embeddedWhenUnset: true })
Effect.runPromise(Effect.provide(program, Layer.provide(DistributedLock.layer, redis)))
