/** Each server of a cluster has its own outages, and the server of the markers concerns every entry. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/TestClock"
import type { CacheServers } from "../../../src/cache/invalidation/CacheServers.js"
import type * as MarkerClock from "../../../src/cache/invalidation/MarkerClock.js"
import * as NodeOutages from "../../../src/cache/invalidation/NodeOutages.js"
import * as Distrust from "../../../src/cache/invalidation/outage/Distrust.js"
import { type RedisError, RedisUnavailable } from "../../../src/redis/RedisError.js"
import type { RedisNode } from "../../../src/redis/RedisExecutor.js"
import { ConnectionState, type RedisStatus } from "../../../src/redis/RedisStatus.js"
import { settle } from "../../support/until.js"

const markerKey = "{c}:clear"

const statusOf = (generation: number): RedisStatus => ({
  state: generation > 0 ? ConnectionState.Connected({ generation }) : ConnectionState.Connecting(),
  connected: generation > 0,
  address: Option.none(),
  bufferedAmount: 0,
  inFlight: 0,
  waiting: 0,
  circuit: "Closed",
  generation,
  server: Option.none(),
  latency: Option.none(),
  clockOffsetMillis: 0,
  lastFailure: Option.none()
})

/** Two servers: `a` holds the markers, `b` the key "k". Zero is the generation of a server that is not connected. */
const world = Effect.gen(function* () {
  const refs = new Map<number, SubscriptionRef.SubscriptionRef<RedisStatus>>()
  const server = (id: number, generation: number) =>
    Effect.map(SubscriptionRef.make(statusOf(generation)), (ref): RedisNode => {
      refs.set(id, ref)
      return {
        id,
        command: () => Effect.dieMessage("no command is sent"),
        clockOffsetMillis: () => 0,
        getStatus: SubscriptionRef.get(ref),
        statusChanges: Stream.map(ref.changes, ({ state }) => state),
        circuitChanges: Stream.make("Closed" as const)
      }
    })
  const a = yield* server(1, 1)
  const b = yield* server(2, 2)
  const holders = new Map<string, RedisNode>([
    [markerKey, a],
    ["k", b],
    ["near", a]
  ])
  const moves = new Map<string, number>()
  const changes = yield* SubscriptionRef.make<ReadonlyArray<RedisNode>>([a, b])
  const state = {
    nodes: [a, b],
    moves: 0,
    /** what the server of the markers answers */
    now: 1000,
    clear: 10,
    generation: 1,
    error: undefined as RedisError | undefined,
    raised: [] as Array<number>,
    kept: [] as Array<number>,
    replaced: [] as Array<number>,
    last: undefined as MarkerClock.MarkerTime | undefined,
    opened: 0
  }
  const servers: CacheServers = {
    isSplit: true,
    markerKey,
    nodes: {
      of: (key) => holders.get(key) ?? a,
      moveOf: (key) => moves.get(key) ?? 0,
      moves: () => state.moves,
      current: () => state.nodes,
      changes: changes.changes
    },
    numberOf: (key) => (holders.get(key) ?? a).id,
    time: () => state.now,
    clockOffsetOf: () => 0
  }
  const markerClock: MarkerClock.MarkerClock = {
    ask: () => {},
    query: Effect.suspend(() => {
      const { clear, error, generation, now } = state
      return error === undefined
        ? Effect.succeed({ now, clear, generation, sentAt: 0, receivedAt: 0 })
        : Effect.fail(error)
    }),
    raise: (atLeast) =>
      Effect.sync(() => {
        state.raised.push(atLeast)
        return Math.ceil(atLeast)
      }),
    lastOf: (generation) => (state.last?.generation === generation ? state.last : undefined),
    keepOnly: (generation) => void state.kept.push(generation)
  }
  const distrust = Distrust.make({ serverTime: () => state.now, askTime: () => {} })
  const outages = yield* NodeOutages.make({
    servers,
    markerClock,
    distrust,
    clearMarker: () => state.clear,
    replaceClear: (marker) => state.replaced.push(marker),
    onOutageEnded: Effect.void,
    onOpen: () => {
      state.opened++
    },
    onChange: () => {}
  })
  yield* settle
  /** A new connection of a server; the server of the markers answers by its own. */
  const connect = (id: number, generation: number) =>
    Effect.gen(function* () {
      if (id === 1) state.generation = generation
      const ref = refs.get(id)
      if (ref !== undefined) yield* SubscriptionRef.set(ref, statusOf(generation))
    })
  const move = (key: string, to: RedisNode) => {
    holders.set(key, to)
    moves.set(key, ++state.moves)
  }
  const trustedFrom = (key: string) => distrust.upTo(outages.placesOf(key))
  /** A server joins with keys. */
  const join = (id: number, generation: number, ...keys: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const node = yield* server(id, generation)
      for (const key of keys) move(key, node)
      state.nodes = [...state.nodes, node]
      yield* SubscriptionRef.set(changes, state.nodes)
    })
  return { a, b, connect, join, move, outages, state, trustedFrom }
})

describe("outages of the servers of a cluster", () => {
  it.scoped("are none at the start: the servers that are connected are open, and nothing is distrusted", () =>
    Effect.gen(function* () {
      const { outages, state, trustedFrom } = yield* world
      expect([outages.isOpen("k"), outages.isOpen("near"), outages.areMarkersOpen()]).toEqual([true, true, true])
      expect([outages.isUsable(2, "k"), outages.isUsable(1, "k"), outages.areMarkersUsable(1)]).toEqual([
        true,
        false,
        true
      ])
      expect([trustedFrom("k"), trustedFrom("near"), state.opened]).toEqual([0, 0, 0])
    })
  )

  it.scoped("of an entry's server distrust its entries by the markers' clock, and no others", () =>
    Effect.gen(function* () {
      const { connect, outages, trustedFrom } = yield* world
      yield* connect(2, 0)
      yield* settle
      expect([outages.isOpen("k"), outages.isOpen("near")]).toEqual([false, true])
      yield* connect(2, 3)
      yield* settle
      expect([outages.isUsable(3, "k"), outages.isUsable(2, "k"), outages.isOpen("k")]).toEqual([true, false, true])
      expect([trustedFrom("k"), trustedFrom("near")]).toEqual([1000, 0])
    })
  )

  it.scoped("of the markers' server distrust all entries, and close all reads until they are handled", () =>
    Effect.gen(function* () {
      const { connect, outages, state, trustedFrom } = yield* world
      state.error = new RedisUnavailable({ reason: "Disconnected" })
      yield* connect(1, 4)
      yield* settle
      expect([outages.isOpen("k"), outages.areMarkersUsable(1), outages.areMarkersUsable(4)]).toEqual([
        false,
        false,
        false
      ])
      state.error = undefined
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect([outages.isOpen("k"), outages.areMarkersUsable(4), outages.markerGeneration()]).toEqual([true, true, 4])
      expect([trustedFrom("k"), trustedFrom("near")]).toEqual([1000, 1000])
      expect(state.raised).toEqual([])
      expect(state.replaced).toEqual([10])
    })
  )

  it.scoped(
    "raise the clear marker above all that the markers' last server has stamped, where its clock was ahead",
    () =>
      Effect.gen(function* () {
        const { connect, state } = yield* world
        state.last = { now: 9000, clear: 10, generation: 1, sentAt: 0, receivedAt: 0 }
        yield* connect(1, 4)
        yield* settle
        expect(state.raised).toHaveLength(1)
        expect(state.raised[0]).toBeGreaterThan(9000 + 1000)
        expect(state.replaced).toEqual(state.raised.map(Math.ceil))
      })
  )

  it.scoped("raise the clear marker by one where it is ahead of the clock itself", () =>
    Effect.gen(function* () {
      const { connect, state } = yield* world
      state.clear = 5000
      yield* connect(2, 3)
      yield* settle
      expect(state.raised).toEqual([5001])
    })
  )

  it.scoped("begin also where another server gets keys: these are closed, and then distrusted from before", () =>
    Effect.gen(function* () {
      const { a, move, outages, state, trustedFrom } = yield* world
      state.error = new RedisUnavailable({ reason: "Disconnected" })
      move("k", a)
      expect([outages.isOpen("k"), outages.isUsable(1, "k"), outages.isOpen("near")]).toEqual([false, false, true])
      yield* settle
      state.error = undefined
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect([outages.isOpen("k"), outages.isUsable(1, "k")]).toEqual([true, true])
      expect([trustedFrom("k"), trustedFrom("near")]).toEqual([1000, 0])
    })
  )

  it.scoped("begin for all entries where another server gets the markers", () =>
    Effect.gen(function* () {
      const { b, move, outages, state, trustedFrom } = yield* world
      state.generation = 2
      move(markerKey, b)
      expect([outages.areMarkersOpen(), outages.areMarkersUsable(1), outages.isOpen("near")]).toEqual([
        false,
        false,
        false
      ])
      yield* settle
      expect([outages.areMarkersOpen(), outages.areMarkersUsable(2), outages.isOpen("near")]).toEqual([
        true,
        true,
        true
      ])
      expect(trustedFrom("near")).toBe(1000)
    })
  )

  it.scoped("end also where a server joins, as a replica does that has become a primary", () =>
    Effect.gen(function* () {
      const { join, outages, trustedFrom } = yield* world
      yield* join(3, 7, "k")
      yield* settle
      expect([outages.isOpen("k"), outages.isUsable(7, "k"), trustedFrom("k")]).toEqual([true, true, 1000])
    })
  )

  it.scoped("drop the times of the markers' last server when they were handled, and not before", () =>
    Effect.gen(function* () {
      const { b, move, outages, state } = yield* world
      state.generation = 2
      state.error = new RedisUnavailable({ reason: "Disconnected" })
      move(markerKey, b)
      expect(outages.isOpen("near")).toBe(false)
      yield* settle
      expect(state.kept).toEqual([])
      state.error = undefined
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(state.kept).toEqual([2])
    })
  )
})
