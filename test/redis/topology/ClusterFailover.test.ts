import { describe, expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { ClusterAddress } from "../../../src/redis/RedisConfig.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import * as MixedCallers from "../../support/cache/MixedCallers.js"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import { eventually, expectNoUnhandledRejections, testWith, unless } from "../../support/faults/FaultSuite.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as ServerPace from "../../support/server/ServerPace.js"
import * as SkewedClock from "../../support/server/SkewedClock.js"

expectNoUnhandledRejections()

const test = testWith("cluster mode")

const commandTimeoutMillis = 1000
/** A lookup takes a millisecond, and without Redis it waits for those of 99 other callers. */
const longestLookupMillis = 200
/** A read waits for one command of a silent server, and before for at most so many of a busy machine: the read, and the lease. */
const otherCommandsOfRead = 2

/**
 * How long a read waits for a silent server. After a stall of the process the client gives a reply up to the timeout once more,
 * since the stall itself may have delayed the command.
 */
const longestWaitMillis = ({ stalledMillis }: MixedCallers.Read): number =>
  stalledMillis > 0 ? 2 * commandTimeoutMillis : commandTimeoutMillis

const options: ClientOptions = {
  connectTimeout: "2 seconds",
  commandTimeout: `${commandTimeoutMillis} millis`,
  heartbeatInterval: "100 millis",
  reconnect: Schedule.spaced("100 millis"),
  circuitBreaker: { openFor: "100 millis" }
}

const name = "load"
const markerSlot = Slots.of(`{${name}}:clear`)
const slotOfId = (id: number): number => Slots.of(`${name}:${id}`)

const secondsOf = (reply: unknown): number => (Array.isArray(reply) ? Number(reply[0]) : 0)

type Sources = Map<MixedCallers.Read["source"], number>

/**
 * Why a read of a server that works may be without Redis: a busy machine delays a set past its deadline, or stands still for a
 * part of a command's timeout.
 */
const isOfBusyMachine = ({ reason, stalledMillis }: MixedCallers.Read): boolean =>
  reason === "InvalidationPending" || (reason === "RedisTimeout" && stalledMillis > commandTimeoutMillis / 10)

interface Load {
  readonly cluster: RedisCluster.RedisCluster
  readonly callers: MixedCallers.MixedCallers
  /** the reads of some keys that ended since this was called: their sources, and why some were without Redis */
  readonly readsOf: (isOne: (id: number) => boolean) => {
    readonly sources: Sources
    readonly degraded: ReadonlyArray<MixedCallers.Read>
  }
  /** Waits until each cache key was served from Redis again. */
  readonly everyKeyIsServed: Effect.Effect<void>
  /** Ends the load, and expects that nothing was wrong. */
  readonly end: Effect.Effect<void>
}

const clientsOf = (cluster: RedisCluster.RedisCluster, mapAddress?: (client: number) => ClusterAddress["mapAddress"]) =>
  Effect.forEach([0, 1, 2], (client) => {
    const [first, second] = cluster.nodes
    const map = mapAddress?.(client)
    const seedOf = (port = 0) => map?.({ host: "127.0.0.1", port }) ?? { host: "127.0.0.1", port }
    const address = { nodes: [seedOf(first?.port), seedOf(second?.port)] as const, mapAddress: map }
    return Effect.map(Layer.build(driverUnderTest.layerCluster(address, options)), Context.get(RedisClient))
  })

/** 100 callers in three processes' worth of clients, each with a cache of its own. */
const load = (
  cluster: RedisCluster.RedisCluster,
  mapAddress?: (client: number) => ClusterAddress["mapAddress"]
): Effect.Effect<Load, never, Scope.Scope> =>
  Effect.gen(function* () {
    const redis = yield* clientsOf(cluster, mapAddress)
    const pace = yield* ServerPace.measure
    const listeners = new Set<(read: MixedCallers.Read) => void>()
    /** the most that a read has taken beyond its wait for a silent server */
    let longestBeyondWait = 0
    const callers = yield* MixedCallers.start({
      name,
      redis,
      callers: 100,
      onRead: (read) => {
        longestBeyondWait = Math.max(longestBeyondWait, read.millis - longestWaitMillis(read))
        for (const listener of listeners) listener(read)
      }
    })
    const everyKeyIsServed = Effect.suspend(() => {
      const missing = new Set(Array.from({ length: MixedCallers.idCount }, (_, id) => id))
      const listener = ({ id, source }: MixedCallers.Read) => void (source === "Redis" && missing.delete(id))
      listeners.add(listener)
      return eventually(
        "every key is served from Redis",
        Effect.sync(() => missing.size === 0)
      ).pipe(Effect.ensuring(Effect.sync(() => listeners.delete(listener))))
    })
    yield* everyKeyIsServed
    return {
      cluster,
      callers,
      readsOf: (isOne) => {
        const sources: Sources = new Map()
        const degraded: Array<MixedCallers.Read> = []
        listeners.add((read) => {
          if (!isOne(read.id)) return
          sources.set(read.source, (sources.get(read.source) ?? 0) + 1)
          if (read.source === "Degraded") degraded.push(read)
        })
        return { sources, degraded }
      },
      everyKeyIsServed,
      end: Effect.gen(function* () {
        yield* everyKeyIsServed
        yield* callers.stop
        expect(callers.mistakes).toEqual([])
        expect(longestBeyondWait, "the longest read beyond the command timeout").toBeLessThan(
          longestLookupMillis + otherCommandsOfRead * pace.slowestMillis()
        )
        expect(callers.writes.acknowledged).toBeGreaterThan(100)
      })
    }
  })

const holds = ({ slots }: RedisCluster.NodeView, slot: number): boolean =>
  slots.some(([first, last]) => first <= slot && slot <= last)

const partial = ["--cluster-require-full-coverage", "no"]

const primaries = (cluster: RedisCluster.RedisCluster) =>
  Effect.map(cluster.view, (nodes) => {
    const all = nodes.filter(({ role }) => role === "primary")
    const markers = all.find((node) => holds(node, markerSlot))
    const [first, second] = all.filter((node) => node !== markers)
    if (markers === undefined || first === undefined || second === undefined) throw new Error("no three primaries")
    return { markers, first, second }
  })

describe("100 callers of caches on a cluster", () => {
  for (const [how, signal] of [
    ["kill -9", "SIGKILL"],
    ["SIGSTOP", "SIGSTOP"]
  ] as const) {
    test(`keep their hits on other servers, and get no old value, through ${how} of a primary without the markers`, () =>
      Effect.gen(function* () {
        const cluster = yield* RedisCluster.make({ args: partial })
        const world = yield* load(cluster)
        const { first } = yield* primaries(cluster)
        const itsReads = world.readsOf((id) => holds(first, slotOfId(id)))
        const otherReads = world.readsOf((id) => !holds(first, slotOfId(id)))
        yield* signal === "SIGKILL" ? first.node.kill : first.node.signal(signal)
        yield* cluster.awaitAgreement
        yield* world.everyKeyIsServed
        expect(itsReads.sources.get("Degraded"), "the fault was felt").toBeGreaterThan(0)
        const hits = otherReads.sources.get("Redis") ?? 0
        expect(hits).toBeGreaterThan(500)
        const unexplained = otherReads.degraded.filter((read) => !isOfBusyMachine(read))
        expect(unexplained, "reads of other servers without Redis").toEqual([])
        yield* signal === "SIGKILL" ? first.node.start : first.node.signal("SIGCONT")
        yield* cluster.awaitAgreement
        yield* world.end
      }))

    test(`get no old value through ${how} of the primary with the markers, and recover without help`, () =>
      Effect.gen(function* () {
        const cluster = yield* RedisCluster.make({ args: partial })
        const world = yield* load(cluster)
        const { markers } = yield* primaries(cluster)
        const reads = world.readsOf(() => true)
        yield* signal === "SIGKILL" ? markers.node.kill : markers.node.signal(signal)
        yield* cluster.awaitAgreement
        yield* world.everyKeyIsServed
        expect(reads.sources.get("Degraded"), "the fault was felt").toBeGreaterThan(0)
        yield* signal === "SIGKILL" ? markers.node.start : markers.node.signal("SIGCONT")
        yield* cluster.awaitAgreement
        yield* world.end
      }))
  }

  test("get no old value while slots move, those of the markers among them", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make({ args: partial })
      const world = yield* load(cluster)
      const { first, markers } = yield* primaries(cluster)
      const ids = Array.from({ length: MixedCallers.idCount }, (_, id) => slotOfId(id))
      const moving = ids.filter((slot) => holds(markers, slot))
      expect(moving.length).toBeGreaterThan(10)
      yield* cluster.reshard({ from: markers.node, to: first.node, slots: [...new Set([...moving, markerSlot])] })
      yield* world.everyKeyIsServed
      yield* world.end
    }))

  test("get no old value while 1,000 slots move, with a third of the keys", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make({ args: partial })
      const world = yield* load(cluster)
      const { first, second } = yield* primaries(cluster)
      const read = new Set(Array.from({ length: MixedCallers.idCount }, (_, id) => slotOfId(id)))
      const all = first.slots.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
      // those that are read first, and others up to a thousand
      const moving = [...all].sort((left, right) => Number(read.has(right)) - Number(read.has(left))).slice(0, 1000)
      expect(moving.filter((slot) => read.has(slot)).length).toBeGreaterThan(10)
      const reads = world.readsOf((id) => moving.includes(slotOfId(id)))
      yield* cluster.reshard({ from: first.node, to: second.node, slots: moving, atATime: 10 })
      expect(reads.sources.get("Redis"), "hits while slots moved").toBeGreaterThan(100)
      const held = (yield* cluster.view).find(({ node }) => node === second.node)
      expect(moving.every((slot) => held !== undefined && holds(held, slot))).toBe(true)
      yield* world.everyKeyIsServed
      yield* world.end
    }))

  test("get no old value where one of their processes is cut off from a primary, and from all", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make({ args: partial })
      const proxies = yield* Effect.forEach(cluster.nodes, ({ port }) =>
        Effect.map(FaultProxy.make(port), (proxy) => ({ proxy, announced: port }))
      )
      const throughProxy: NonNullable<ClusterAddress["mapAddress"]> = ({ host, port }) => ({
        host,
        port: proxies.find(({ announced }) => announced === port)?.proxy.port ?? port
      })
      const world = yield* load(cluster, (client) => (client === 0 ? throughProxy : undefined))
      const { first, markers } = yield* primaries(cluster)
      for (const cutOff of [[first], [markers], cluster.nodes.map((node) => ({ node }))]) {
        const reads = world.readsOf(() => true)
        const ports = cutOff.map(({ node }) => node.port)
        const cut = proxies.filter(({ announced }) => ports.includes(announced)).map(({ proxy }) => proxy)
        yield* Effect.forEach(cut, (proxy) => Effect.zipRight(proxy.become({ _tag: "Blackhole" }), proxy.cut))
        yield* eventually(
          "the cut is felt",
          Effect.sync(() => (reads.sources.get("Degraded") ?? 0) > 100)
        )
        yield* Effect.forEach(cut, (proxy) => Effect.zipRight(proxy.become({ _tag: "Pass" }), proxy.cut))
        yield* world.everyKeyIsServed
      }
      yield* world.end
    }))

  unless(RedisServer.skipReasonFor("cluster mode") ?? SkewedClock.skipReason)(
    "get no old value where the clocks of servers are 5 seconds apart, through failovers and moves of the markers",
    () =>
      Effect.gen(function* () {
        const clock = yield* SkewedClock.make
        const ahead = [0, 5, -5, -5, 0, 5]
        const cluster = yield* RedisCluster.make({ args: partial, environment: (index) => clock(ahead[index] ?? 0) })
        const times = yield* Effect.forEach(cluster.nodes, ({ send }) => Effect.map(send("TIME"), secondsOf))
        expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(9)
        const world = yield* load(cluster)
        // the markers go from clock to clock, ahead and behind
        for (let i = 0; i < 2; i++) {
          const { markers } = yield* primaries(cluster)
          yield* markers.node.kill
          yield* cluster.awaitAgreement
          yield* world.everyKeyIsServed
          yield* markers.node.start
          yield* cluster.awaitAgreement
          const now = yield* primaries(cluster)
          yield* cluster.reshard({ from: now.markers.node, to: now.first.node, slots: [markerSlot] })
          yield* world.everyKeyIsServed
        }
        yield* world.end
      })
  )
})

describe("caches on a cluster", () => {
  for (const [what, which] of [
    ["keys", "first"],
    ["tags", "markers"]
  ] as const) {
    test(`get no old value where the new primary has not got the last invalidations of ${what}`, () =>
      Effect.gen(function* () {
        const cluster = yield* RedisCluster.make({ args: partial })
        const primary = (yield* primaries(cluster))[which]
        const ids = Array.from({ length: MixedCallers.idCount }, (_, id) => id).filter(
          (id) => what === "tags" || holds(primary, slotOfId(id))
        )
        let version = 1
        const caches = yield* Effect.forEach(yield* clientsOf(cluster), (redis) =>
          TypedCache.make({
            name,
            key: Schema.Int,
            value: Schema.Int,
            timeToLive: "1 minute",
            tags: () => ["all"],
            lookup: () => Effect.sync(() => version)
          }).pipe(Effect.provideService(RedisClient, redis))
        )
        const [first] = caches
        const readAll = Effect.forEach(caches, (cache) => Effect.forEach(ids, (id) => cache.getResult(id)))
        yield* readAll
        const replica = yield* cluster.replicaOf(primary.node)
        const replicated = (node: RedisCluster.ClusterNode) => Effect.map(node.send("DBSIZE"), Number)
        const size = yield* replicated(primary.node)
        yield* eventually(
          "the replica has all entries",
          Effect.map(replicated(replica.node), (count) => count === size)
        )

        // nothing reaches the replica any more, not even its socket
        yield* replica.node.signal("SIGSTOP")
        yield* primary.node.send("CLIENT", "KILL", "TYPE", "replica")
        version = 2
        if (what === "tags") expect(yield* first?.invalidateTag("all") ?? Effect.succeed(false)).toBe(true)
        else for (const id of ids) expect(yield* first?.invalidate(id) ?? Effect.succeed(false)).toBe(true)
        yield* primary.node.kill
        yield* replica.node.signal("SIGCONT")
        yield* cluster.awaitAgreement
        expect((yield* cluster.view).find(({ node }) => node.port === replica.node.port)?.role).toBe("primary")

        const old = new Set<number>()
        yield* eventually(
          "reads are served from Redis",
          Effect.map(readAll, (reads) => {
            const all = reads.flat()
            for (const { value } of all) if (value < version) old.add(value)
            return all.every(({ source }) => source === "Redis")
          })
        )
        expect(old, "old values").toEqual(new Set())
      }))
  }
})
