/** The cache of several processes over one server and one database. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import { eventually, inTime, test, testWith, title } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as CacheProcess from "./CacheProcess.js"
import type { AnswerOf, Settings } from "./messages.js"
import * as RandomRun from "./RandomRun.js"
import * as SharedDatabase from "./SharedDatabase.js"
import * as Watched from "./Watched.js"

const defaults = { commandTimeout: 300, leaseTime: 400, localTime: 50, maxLookups: 4 }

/**
 * Long times, so that a busy machine is no outage. A process that does not run for the time of its lease loses the lease, and
 * a process that cannot connect looks up without Redis.
 */
const patient = { commandTimeout: 30_000, leaseTime: 30_000 }

/** A user with the right to every key and to no channel: its process neither publishes nor receives messages. */
const deaf = { username: "deaf", password: "deaf" }
const rightsOfDeaf = ["on", `>${deaf.password}`, "~*", "resetchannels", "+@all"]

const start = (count: number, given: Pick<Settings, "database" | "redisPort"> & Partial<Settings>, kind = "process") =>
  Effect.all(
    Array.from({ length: count }, (_, i) => CacheProcess.start({ ...defaults, name: `${kind} ${i + 1}`, ...given })),
    { concurrency: "unbounded" }
  )

describe("one cold key in many processes", () => {
  const coldKey = (settings: Partial<Settings>, pause: Effect.Effect<void>) =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const database = yield* SharedDatabase.make(() => pause)
      const processes = yield* start(8, { redisPort: server.port, database: database.url, ...settings })
      yield* eventually(
        "all are connected",
        Effect.map(Effect.all(processes.map(({ status }) => status)), (all) => all.every(({ isOpen }) => isOpen))
      )
      const answers = yield* Effect.forEach(
        [...processes, ...processes, ...processes],
        (process) => process.get("remote", "cold"),
        { concurrency: "unbounded" }
      )
      expect(answers.map(({ version }) => version)).toEqual(answers.map(() => 1))
      expect(database.lookupsOf("cold").length).toBe(1)
    })

  test(title("is looked up once for eight processes"), () => coldKey(patient, Effect.sleep("20 millis")))

  test(title("is looked up once when the lookup takes five times longer than the lease"), () =>
    // it pauses before it reads and before it answers
    coldKey({ ...patient, leaseTime: 1_000 }, Effect.sleep("2500 millis"))
  )

  test(title("is looked up by another process when the first one is killed, and all others are answered"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const latch = yield* Effect.makeLatch(false)
      const database = yield* SharedDatabase.make(() => latch.await)
      const processes = yield* start(4, { redisPort: server.port, database: database.url, leaseTime: 1_000 })
      const reads = yield* Effect.forEach(processes, (process) => Effect.fork(process.get("remote", "cold")))
      yield* eventually(
        "a lookup has begun",
        Effect.sync(() => database.running() === 1)
      )
      const holder = database.lookupsOf("cold")[0]
      const killed = processes.findIndex(({ name }) => name === holder)
      yield* processes[killed]?.kill ?? Effect.dieMessage("no process looks up")
      // within seconds: the bound of a waiter is 30
      yield* eventually(
        "a second lookup has begun",
        Effect.sync(() => database.lookupsOf("cold").length > 1)
      )
      yield* latch.open
      const answers = yield* Effect.forEach(reads.toSpliced(killed, 1), Fiber.join)
      expect(answers.map(({ version }) => version)).toEqual([1, 1, 1])
      expect(database.lookupsOf("cold").length).toBe(2)
      expect(database.lookupsOf("cold")[1]).not.toBe(holder)
    })
  )
})

const seed = Number(process.env.PROCESSES_SEED ?? Math.floor(Math.random() * 2 ** 31))
const runs = Number(process.env.PROCESSES_RUNS ?? 1_000)

describe("reads and writes of four processes in random order, two of them without messages,", () => {
  const options = { timeout: Math.max(120_000, runs * 120) }

  test(
    title(`neither serve nor leave an old value (${runs} runs, PROCESSES_SEED=${seed})`),
    () =>
      Effect.gen(function* () {
        const localTime = 30
        const server = yield* RedisServer.make()
        const database = yield* SharedDatabase.make((request, moment) =>
          Effect.gen(function* () {
            // some answers take so long that whole writes fit between the read and the answer
            const isLong = request === "lookup" && moment === "after" && (yield* Random.nextBoolean)
            yield* Effect.sleep(yield* Random.nextIntBetween(0, isLong ? 40 : 4))
          })
        )
        // without messages, which would repair within a millisecond what the other rules must prevent
        yield* server.send("ACL", "SETUSER", deaf.username, ...rightsOfDeaf)
        const settings = {
          redisPort: server.port,
          database: database.url,
          localTime,
          ...patient,
          maxLookups: 64
        }
        const processes = [...(yield* start(2, settings)), ...(yield* start(2, { ...settings, ...deaf }, "deaf"))]
        const failures = yield* Effect.forEach(
          RandomRun.sample({ seed, runs, processes: processes.length }),
          (run, number) => RandomRun.run(run, { number, processes, database, localTime }),
          { concurrency: 40 }
        )
        expect(failures.filter((failure) => failure !== undefined)).toEqual([])
      }),
    options
  )
})

describe("a process without messages", () => {
  test(title("answers a caller from after another process's write with no value from before it"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* server.send("ACL", "SETUSER", deaf.username, ...rightsOfDeaf)
      const answers = yield* Effect.makeLatch(false)
      const database = yield* SharedDatabase.make((request, moment) =>
        request === "lookup" && moment === "after" ? answers.await : Effect.void
      )
      const settings = { ...patient, redisPort: server.port, database: database.url }
      const [writer] = yield* start(1, settings)
      const [reader] = yield* start(1, { ...settings, ...deaf }, "deaf")
      if (writer === undefined || reader === undefined) return yield* Effect.dieMessage("no process")
      const early = yield* Effect.fork(reader.get("remote", "key"))
      yield* eventually(
        "the database has read",
        Effect.sync(() => database.running() === 1)
      )
      const { version } = yield* writer.write("remote", "key", "invalidate")
      const late = yield* Effect.fork(reader.get("remote", "key"))
      // it joins the running lookup, and cannot know that its value is old
      yield* Effect.sleep("50 millis")
      yield* answers.open
      expect((yield* Fiber.join(early)).version).toBeLessThan(version)
      expect((yield* Fiber.join(late)).version).toBe(version)
    })
  )
})

describe("a server that hangs", () => {
  test(
    title("delays reads, and afterwards no value is served that was invalidated meanwhile; lookups are bounded"),
    () =>
      Effect.gen(function* () {
        const { maxLookups } = defaults
        const keys = Array.from({ length: 24 }, (_, i) => `key ${i}`)
        const server = yield* RedisServer.make()
        const database = yield* SharedDatabase.make(() => Effect.sleep("5 millis"))
        const processes = yield* start(2, { redisPort: server.port, database: database.url })
        const watched = Watched.make({ localTime: 0, outageOfAll: true })

        const reads = yield* Ref.make<ReadonlyArray<AnswerOf<"Read">>>([])
        const read = (process: CacheProcess.CacheProcess) =>
          Effect.gen(function* () {
            const key = keys[yield* Random.nextIntBetween(0, keys.length)] ?? ""
            const answer = yield* inTime(watched.read(process, "remote", key))
            yield* Ref.update(reads, (all) => [...all, answer])
          })
        /** Waits until so many more reads from here have been answered from somewhere. */
        const answered = (sources: ReadonlyArray<string>, count = 200) =>
          Effect.zipRight(
            Ref.set(reads, []),
            eventually(
              `${count} reads are answered from ${sources.join(" or ")}`,
              Effect.map(Ref.get(reads), (all) => all.filter(({ source }) => sources.includes(source)).length >= count)
            )
          )
        const connected = (expected: boolean) =>
          eventually(
            expected ? "all are connected" : "all are cut off",
            Effect.map(Effect.all(processes.map(({ status }) => status)), (all) =>
              all.every(({ connected, outbox }) => connected === expected && (!expected || outbox === 0))
            )
          )

        yield* Effect.forEach(keys, (key) => Effect.forEach(processes, (process) => process.get("remote", key)))
        const steady = yield* Effect.forEach(
          processes.flatMap((process) => Array.from({ length: 16 }, () => process)),
          (process) => Effect.fork(Effect.forever(read(process)))
        )
        yield* answered(["Redis"])

        database.forget()
        yield* server.signal("SIGSTOP")
        yield* answered(["Degraded"])
        yield* connected(false)
        const written = yield* Effect.forEach(
          [...processes.entries()],
          ([i, process]) =>
            Effect.forEach(keys.slice(i * 4, i * 4 + 4), (key) => watched.write(process, "remote", key, "invalidate")),
          { concurrency: "unbounded" }
        )
        expect(written.flat().map(({ acknowledged }) => acknowledged)).toEqual(written.flat().map(() => false))
        yield* answered(["Degraded"])
        expect(database.mostAtOnce()).toBe(maxLookups)

        yield* server.signal("SIGCONT")
        yield* answered(["Redis"])
        yield* connected(true)
        yield* answered(["Redis"])
        yield* Fiber.interruptAll(steady)
        expect(watched.mistakes).toEqual([])
        for (const process of processes) {
          for (const key of keys) {
            expect((yield* process.get("remote", key)).version, `${process.name}, ${key}`).toBe(database.version(key))
          }
        }
      })
  )
})

describe("a server that hangs while a process invalidates and is killed", () => {
  test(title("does not let other processes serve the invalidated value once they are back"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const database = yield* SharedDatabase.make(() => Effect.void)
      const [killed, other] = yield* Effect.all([
        CacheProcess.start({ ...defaults, name: "killed", redisPort: server.port, database: database.url }),
        CacheProcess.start({ ...defaults, name: "other", redisPort: server.port, database: database.url })
      ])
      yield* killed.get("remote", "key")
      expect((yield* other.get("remote", "key")).source).toBe("Redis")
      yield* server.signal("SIGSTOP")
      yield* eventually(
        "both are cut off",
        Effect.zipWith(killed.status, other.status, (one, two) => !one.connected && !two.connected)
      )
      const written = yield* killed.write("remote", "key", "invalidate")
      expect(written.acknowledged).toBe(false)
      yield* killed.kill
      yield* server.signal("SIGCONT")
      const versions = yield* Ref.make<ReadonlyArray<number>>([])
      yield* eventually(
        "the other one reads from Redis again",
        Effect.flatMap(other.get("remote", "key"), ({ source, version }) =>
          Effect.as(
            Ref.update(versions, (all) => [...all, version]),
            source === "Redis"
          )
        )
      )
      expect(new Set(yield* Ref.get(versions))).toEqual(new Set([written.version]))
    })
  )
})

describe("a command that arrives after its process has stopped waiting for it", () => {
  const password = "held-up"

  /** The old connection is not ended on the server: its user has no right to end it. */
  const lateWrite = (
    what: "lookup" | "commit",
    arrives: "before the reconnection" | "after the reconnection",
    begin: (process: CacheProcess.CacheProcess, key: string) => Effect.Effect<unknown, CacheProcess.ProcessEnded>
  ) =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* server.send(
        "ACL",
        "SETUSER",
        "cache",
        "on",
        `>${password}`,
        "~*",
        "&*",
        "+@all",
        server.kind.withoutClientKill
      )
      const proxy = yield* FaultProxy.make(server.port)
      const answers = yield* Effect.makeLatch(true)
      const database = yield* SharedDatabase.make((request, moment) =>
        request === what && moment === "after" ? answers.await : Effect.void
      )
      const login = { database: database.url, username: "cache", password }
      const [cutOff, other] = yield* Effect.all([
        CacheProcess.start({ ...defaults, ...login, name: "cut off", redisPort: proxy.port }),
        CacheProcess.start({ ...defaults, ...login, name: "other", redisPort: server.port })
      ])
      const scriptsRun = Effect.map(server.send("INFO", "commandstats"), (stats) =>
        Array.from(String(stats).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)).reduce(
          (sum, [, calls]) => sum + Number(calls),
          0
        )
      )
      // a script that the server does not know would arrive and do nothing
      yield* begin(other, "another key")
      const before = database.version("key")

      yield* answers.close
      // so many fail with it that the circuit opens: otherwise an invalidation follows on the same connection and repairs it
      const crowd = what === "lookup" ? [] : Array.from({ length: 24 }, (_, i) => `other key ${i}`)
      const others = yield* Effect.forEach(crowd, (key) => Effect.fork(cutOff.write("remote", key, "invalidate")))
      yield* eventually(
        "the others have committed",
        Effect.sync(() => crowd.every((key) => database.version(key) > 1))
      )
      const begun = yield* Effect.fork(begin(cutOff, "key"))
      yield* eventually(
        "the database has read or committed",
        Effect.sync(() => (what === "lookup" ? database.running() === 1 : database.version("key") > before))
      )
      const { generation } = yield* cutOff.status
      const connections = proxy.connections()
      const sendOn = yield* proxy.hold
      yield* answers.open
      yield* inTime(Effect.zip(Fiber.join(begun), Fiber.joinAll(others)))
      if (arrives === "after the reconnection")
        yield* eventually(
          "the process has another connection and an empty outbox",
          Effect.map(cutOff.status, (now) => now.connected && now.generation > generation && now.outbox === 0)
        )
      const written = yield* other.write("remote", "key", "invalidate")
      expect(written.acknowledged).toBe(true)
      expect((yield* other.get("remote", "key")).version).toBe(written.version)

      const run = yield* scriptsRun
      expect(yield* sendOn).toBe(connections)
      yield* eventually(
        "the late command has arrived",
        Effect.map(scriptsRun, (now) => now > run)
      )
      if (arrives === "after the reconnection") {
        yield* eventually(
          "all of it has arrived",
          Effect.sync(() => proxy.connections() === connections)
        )
      }
      // the other process first: the one that was cut off distrusts the old value, and so would repair it with a lookup
      for (const process of [other, cutOff]) {
        expect((yield* process.get("remote", "key")).version, process.name).toBe(written.version)
      }
    })

  const lateTest = testWith("counts of commands")

  lateTest("stores no value that was looked up before another process's write", () =>
    lateWrite("lookup", "after the reconnection", (process, key) => process.get("remote", key))
  )

  lateTest("does not set a value over another process's write", () =>
    lateWrite("commit", "after the reconnection", (process, key) => process.write("remote", key, "set"))
  )

  lateTest("does not set a value over another process's write while its own process still reconnects", () =>
    lateWrite("commit", "before the reconnection", (process, key) => process.write("remote", key, "set"))
  )

  lateTest("does not end an update over another process's write", () =>
    lateWrite("commit", "after the reconnection", (process, key) => process.write("remote", key, "update"))
  )
})
