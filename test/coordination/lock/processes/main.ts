/** A process whose fibers acquire a lock or permit repeatedly, and record in a database when they enter and leave. */
import { Database as SqliteFile } from "bun:sqlite"
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as DistributedLock from "../../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../../src/coordination/DistributedSemaphore.js"
import { Database } from "../../../../src/game/Database.js"
import * as SqlDatabase from "../../../../src/game/database/SqlDatabase.js"
import { GameId } from "../../../../src/game/Player.js"
import { driverUnderTest } from "../../../support/server/drivers.js"
import { Order, Report, Settings } from "./messages.js"

const encodeReport = Schema.encodeSync(Report)
const say = (report: Report) =>
  Effect.sync(() => {
    process.stdout.write(encodeReport(report) + "\n")
  })

/** Enters, stays inside if the message says so, and leaves. */
interface Section<E> {
  readonly enter: Effect.Effect<unknown, E>
  readonly leave: Effect.Effect<unknown, E>
  readonly token: number
}

interface Work {
  /** Enters and leaves once; answers the fencing token. */
  readonly turn: Effect.Effect<number, { readonly _tag: string }>
  readonly noteStop: () => void
}

const program = Effect.gen(function* () {
  const {
    database: path,
    fibers,
    gameId,
    name,
    permits,
    timeToLiveMillis
  } = yield* Schema.decodeUnknown(Settings)(process.argv[2])
  const options = { timeToLive: timeToLiveMillis, maxWait: "10 minutes" } as const
  const goOn = yield* Effect.makeLatch(false)
  let staysNext = false

  const run = <E>({ enter, leave, token }: Section<E>) =>
    Effect.zipRight(
      enter,
      Effect.suspend(() => {
        if (!staysNext) return leave
        staysNext = false
        return say({ _tag: "Inside", token }).pipe(
          Effect.zipRight(goOn.await),
          Effect.zipRight(leave),
          Effect.uninterruptible
        )
      })
    )

  const locked = Effect.gen(function* () {
    const lock = yield* DistributedLock.make
    const database = yield* Database
    const id = GameId.make(gameId ?? "")
    const turn = lock.withLock(
      `game:${id}`,
      options
    )(({ fencingToken: token }) => {
      const write = (status: "running" | "waiting") =>
        Effect.tapErrorTag(database.updateGame(id, { status }, token), "StaleFencingToken", () =>
          say({ _tag: "Rejected", token })
        )
      return run({ enter: write("running"), leave: write("waiting"), token }).pipe(Effect.map((): number => token))
    })
    return { turn, noteStop: () => {} }
  })

  const permitted = Effect.gen(function* () {
    const semaphore = yield* DistributedSemaphore.make
    const file = yield* Effect.acquireRelease(
      Effect.sync(() => new SqliteFile(path)),
      (file) => Effect.sync(() => file.close())
    )
    file.run("PRAGMA busy_timeout = 20000")
    const entered = file.prepare("INSERT INTO holders (process) VALUES (?) RETURNING id")
    const left = file.prepare("DELETE FROM holders WHERE id = ?")
    const turn = semaphore.withPermit("permits", { ...options, permits })(
      Effect.suspend(() => {
        let id = 0
        const enter = Effect.sync(() => {
          id = Schema.decodeUnknownSync(Schema.Struct({ id: Schema.Int }))(entered.get(name)).id
        })
        // a moment inside, so that permits are held side by side
        const section = { enter: Effect.zipLeft(enter, Effect.sleep("2 millis")), leave: Effect.void, token: 0 }
        return Effect.ensuring(
          run(section),
          Effect.sync(() => left.run(id))
        ).pipe(Effect.as(0))
      })
    )
    return { turn, noteStop: () => file.query("INSERT INTO stopped VALUES (?)").run(name) }
  })

  const { noteStop, turn }: Work = yield* gameId === undefined ? permitted : locked
  const failures = new Set<string>()
  /** Once for each error: hundreds of fibers that fail all through an outage would keep the test busy reading. */
  const sayFailed = (error: string) =>
    Effect.suspend(() => {
      if (failures.has(error)) return Effect.void
      failures.add(error)
      return say({ _tag: "Failed", error })
    })
  const fiber = (fiber: number) =>
    turn.pipe(
      Effect.flatMap((token) => say({ _tag: "Done", fiber, token })),
      Effect.catchAll((error) =>
        Effect.zipRight(
          error._tag === "StaleFencingToken" ? Effect.void : sayFailed(error._tag),
          Effect.sleep("200 millis")
        )
      ),
      Effect.forever
    )
  yield* say({ _tag: "Ready" })
  for (let number = 0; number < fibers; number++) yield* Effect.forkScoped(fiber(number))

  yield* Stream.fromReadableStream(
    () => Bun.stdin.stream(),
    (cause) => ({ _tag: "InputBroke", cause }) as const
  ).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(Schema.decode(Order)),
    Stream.runForEach((order) => {
      if (order === "GoOn") return goOn.open
      if (order === "Stop") {
        return Effect.sync(() => {
          noteStop()
          process.kill(process.pid, "SIGSTOP")
        })
      }
      staysNext = true
      return goOn.close
    })
  )
})

const layers = Effect.map(Schema.decodeUnknown(Settings)(process.argv[2]), ({ database, redisPort }) =>
  Layer.merge(
    SqlDatabase.layer({ url: `sqlite:${database}` }),
    driverUnderTest.layer(
      { port: redisPort },
      {
        // a busy machine is no outage
        commandTimeout: "2 seconds",
        connectTimeout: "2 seconds",
        heartbeatInterval: "500 millis",
        reconnect: Schedule.spaced("50 millis"),
        circuitBreaker: { openFor: "100 millis" }
      }
    )
  )
)

Effect.flatMap(layers, (layer) => Effect.provide(Effect.scoped(program), layer)).pipe(
  // the output is for reports
  Effect.provide(Logger.remove(Logger.defaultLogger)),
  BunRuntime.runMain({ disablePrettyLogger: true })
)
