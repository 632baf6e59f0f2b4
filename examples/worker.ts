/** Three workers and one list of jobs: each job runs once, and no job is lost when a worker dies. */
import { Console, Effect, Layer } from "effect"
import { DistributedLock } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

/** Stands for a table of jobs: whether each is done, and the fencing token of the last worker that wrote it. */
const jobs = new Map([1, 2, 3, 4, 5, 6].map((id) => [id, { isDone: false, token: 0 }]))
let runs = 0

/** `UPDATE jobs SET done = true, token = $token WHERE id = $id AND token <= $token`: a worker that was paused changes nothing. */
const markDone = (id: number, token: number) =>
  Effect.sync(() => {
    const job = jobs.get(id)
    if (job === undefined || job.token > token) return false
    jobs.set(id, { isDone: true, token })
    return true
  })

const isDone = (id: number) => Effect.sync(() => jobs.get(id)?.isDone === true)

/** The job itself, under its lock. It checks once more: another worker may have done it before the lock was free. */
const run = (worker: string, id: number, token: number) =>
  Effect.gen(function* () {
    runs++
    yield* Effect.sleep("50 millis")
    const hasWritten = yield* markDone(id, token)
    yield* Console.log(hasWritten ? `${worker} has done job ${id}` : `${worker} was too late with job ${id}`)
  }).pipe(Effect.unlessEffect(isDone(id)))

const work = (worker: string) =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    yield* Effect.forEach(jobs.keys(), (id) =>
      // maxWait 0: a job that another worker has is passed by. When that worker dies, its lock expires after 10 seconds
      lock
        .withLock(`job:${id}`, { timeToLive: "10 seconds", maxWait: 0 })(({ fencingToken }) =>
          run(worker, id, fencingToken)
        )
        .pipe(Effect.catchTag("LockNotAcquired", () => Effect.void))
    )
  })

const program = Effect.gen(function* () {
  yield* Effect.forEach(["Ada", "Grace", "Margaret"], work, { concurrency: "unbounded" })
  yield* Console.log(`${jobs.size} jobs, ${runs} runs`)
})

// without Redis nothing runs: work fails with RedisUnavailable, and a supervisor would start it again
const redis = SocketRedis.layerConfig({ embeddedWhenUnset: true })
Effect.runPromise(Effect.provide(program, Layer.provide(DistributedLock.layer, redis)))
