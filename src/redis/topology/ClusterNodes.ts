/**
 * The primaries of a cluster: which of them holds each slot, and a supervised connection to each.
 *
 * The slots are read again when a server says that one has moved, when a connection ends, and by time. A node that is no
 * primary any more is closed when the commands that it was given have had their time.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { rejected } from "../CommandRejection.js"
import type { ClientSettings } from "../connection/ClientOptions.js"
import * as Supervisor from "../connection/Supervisor.js"
import { describeNode, type NodeAddress } from "../RedisAddress.js"
import type { RedisUnavailable } from "../RedisError.js"
import type { ConnectionFailure } from "../RedisStatus.js"
import * as ClusterNode from "./ClusterNode.js"
import * as Discovery from "./Discovery.js"
import type { Primary } from "./SlotMap.js"
import { slotCount } from "./Slots.js"

export interface ClusterNodesOptions extends Pick<Discovery.DiscoveryOptions, "driverOf" | "mapAddress" | "seeds"> {
  readonly settings: ClientSettings
  /** how often the slots are read while nothing asks for it */
  readonly refreshInterval: Duration.Duration
}

/** Receives the node to send to; undefined where none is known. */
export type OnNode = (node: ClusterNode.ClusterNode | undefined) => void

export interface ClusterNodes {
  /** the node that holds a slot */
  readonly of: (slot: number) => ClusterNode.ClusterNode | undefined
  /** the number of the move by which a slot came to its node; 0 where it has been there from the start */
  readonly moveOf: (slot: number) => number
  /** the number of moves so far */
  readonly moves: () => number
  readonly all: () => ReadonlyArray<ClusterNode.ClusterNode>
  readonly changes: Stream.Stream<ReadonlyArray<ClusterNode.ClusterNode>>
  /** The slots of a node, from the first to the last of each range. */
  readonly rangesOf: (name: string) => Primary["ranges"]
  /** whether every slot has a node */
  readonly isCovered: () => boolean
  /** whether every slot has a node, and each node is connected */
  readonly isWhole: () => boolean
  /** A server says that the one at this address holds the slot from now on. */
  readonly moved: (slot: number, address: NodeAddress, onNode: OnNode) => void
  /** Calls back with the node at an address, at once where it is known. */
  readonly at: (address: NodeAddress, onNode: OnNode) => void
  /** Sees that the slots are read again. */
  readonly refreshSoon: () => void
  /** why the slots could not be read, the last time that they were */
  readonly failure: () => ConnectionFailure | undefined
  /** whether the client was closed */
  readonly isClosed: () => boolean
  /** the failure of a command that no node can take */
  readonly rejection: () => Exit.Exit<never, RedisUnavailable>
  /** Closes every node for good. */
  readonly close: Effect.Effect<void>
}

/** The least time between two readings of the slots. */
const leastPause = "100 millis"

/**
 * Starts to read the slots, and returns when they have been read once and each node's first dial has ended, or when
 * `startTimeout` is over.
 */
export const make = (options: ClusterNodesOptions): Effect.Effect<ClusterNodes, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { driverOf, settings } = options
    const scope = yield* Effect.scope
    const fork = yield* FiberSet.makeRuntime<never>()
    const isWanted = Effect.unsafeMakeLatch(false)
    const current = yield* SubscriptionRef.make<ReadonlyArray<ClusterNode.ClusterNode>>([])
    const nodes = new Map<string, ClusterNode.ClusterNode>()
    const dials = new Map<string, Fiber.RuntimeFiber<void>>()
    const slots: Array<ClusterNode.ClusterNode | undefined> = Array.from({ length: slotCount })
    const moveBySlot = new Int32Array(slotCount)
    let moves = 0
    let primaries: ReadonlyArray<Primary> = []
    let afterRefresh: Array<() => void> = []
    let failure: ConnectionFailure | undefined
    let hasLoggedFailure = false
    let lastId = 0
    let lastGeneration = 0
    let isClosed = false

    const refreshSoon = () => isWanted.unsafeOpen()

    const isCovered = () => slots.every((node) => node !== undefined)
    const isWhole = () => isCovered() && Array.from(nodes.values()).every((node) => node.isConnected())

    const holderNames: Array<string | undefined> = Array.from({ length: slotCount })

    /** Gives a slot a node, and numbers the move when another node had it before. */
    const give = (slot: number, node: ClusterNode.ClusterNode): void => {
      const before = holderNames[slot]
      if (before !== undefined && before !== node.name) moveBySlot[slot] = ++moves
      holderNames[slot] = node.name
      slots[slot] = node
    }

    /** Gives each slot the node of its primary. A node that is being dialled leaves its slots with the one that had them. */
    const assign = () => {
      const before = slots.slice()
      slots.fill(undefined)
      for (const { address, ranges } of primaries) {
        const node = nodes.get(describeNode(address))
        for (const [first, last] of ranges) {
          for (let slot = first; slot <= last; slot++) {
            const holder = node ?? nodes.get(before[slot]?.name ?? "")
            if (holder !== undefined) give(slot, holder)
          }
        }
      }
    }

    const publish = Effect.suspend(() => SubscriptionRef.set(current, Array.from(nodes.values())))

    const watch = (node: ClusterNode.ClusterNode) =>
      Stream.runForEach(node.statusChanges, ({ _tag }) =>
        _tag === "Connected" || _tag === "Connecting" ? Effect.void : Effect.sync(refreshSoon)
      )

    /** Returns when the first dial has ended. */
    const open = (address: NodeAddress): Effect.Effect<void> =>
      Effect.gen(function* () {
        const node = yield* ClusterNode.make({
          id: ++lastId,
          address,
          driver: driverOf(address),
          // a node that is being dialled takes no slots
          settings: { ...settings, startTimeout: Duration.infinity },
          nextGeneration: () => ++lastGeneration
        })
        const isPrimary = primaries.some((primary) => describeNode(primary.address) === node.name)
        if (isClosed || !isPrimary) return yield* node.close
        nodes.set(node.name, node)
        fork(watch(node))
        assign()
        yield* publish
      }).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.annotateLogs("server", describeNode(address)),
        Effect.ensuring(Effect.sync(() => dials.delete(describeNode(address))))
      )

    /** Commands that it was given may still be answered. */
    const retire = (node: ClusterNode.ClusterNode): void => {
      nodes.delete(node.name)
      fork(Effect.zipRight(Effect.sleep(settings.commandTimeout), node.close))
    }

    const discover = Effect.suspend(() =>
      Discovery.primaries(
        Array.from(nodes.values()).filter((node) => node.isConnected()),
        { ...options, timeout: settings.connectTimeout }
      )
    )

    /** Continues the commands that wait for the slots to be read. */
    const continueWaiting = () => {
      const waiting = afterRefresh
      afterRefresh = []
      for (const goOn of waiting) goOn()
    }

    const refresh: Effect.Effect<void> = discover.pipe(
      Effect.matchEffect({
        onFailure: ({ cause, others }) =>
          Effect.suspend(() => {
            failure = cause
            if (hasLoggedFailure) return Effect.void
            hasLoggedFailure = true
            // each node that is away has said so itself
            const isSaid = nodes.size > 0 && cause._tag === "RedisConnectError" && cause.reason !== "Rejected"
            return Effect.logWithLevel(
              isSaid ? LogLevel.Debug : LogLevel.Warning,
              `no server of the cluster tells its slots: ${[cause.message, ...others].join("; ")}`
            )
          }),
        onSuccess: (found) =>
          Effect.suspend(() => {
            failure = undefined
            hasLoggedFailure = false
            primaries = found
            const names = new Set(found.map(({ address }) => describeNode(address)))
            for (const node of nodes.values()) if (!names.has(node.name)) retire(node)
            for (const { address } of found) {
              const name = describeNode(address)
              if (!nodes.has(name) && !dials.has(name)) dials.set(name, fork(open(address)))
            }
            assign()
            return publish
          })
      }),
      // a server that does not answer must not keep the others from being read again
      Effect.zipRight(
        Effect.suspend(() => Fiber.awaitAll(dials.values())).pipe(Effect.timeoutOption(settings.commandTimeout))
      ),
      Effect.zipRight(
        Effect.sync(() => {
          continueWaiting()
        })
      )
    )

    const pauseUntilWanted = Effect.suspend(() =>
      Effect.raceFirst(isWanted.await, Effect.sleep(isWhole() ? options.refreshInterval : settings.heartbeatInterval))
    )
    const refreshForever = Effect.sleep(leastPause).pipe(
      Effect.zipRight(pauseUntilWanted),
      Effect.zipRight(Effect.sync(() => isWanted.unsafeClose())),
      Effect.zipRight(refresh),
      Effect.forever
    )

    const started = yield* Deferred.make<void>()
    const start = refresh.pipe(
      Effect.zipRight(Effect.suspend(() => Fiber.awaitAll(dials.values()))),
      Effect.asVoid,
      // with a defect, which is that of the caller
      Effect.intoDeferred(started)
    )
    const refreshing = yield* Effect.forkScoped(Effect.interruptible(Effect.zipRight(start, refreshForever)))
    yield* Supervisor.awaitStart(started, settings.startTimeout)

    const at: ClusterNodes["at"] = (address, onNode) => {
      const name = describeNode(address)
      const node = nodes.get(name)
      if (node !== undefined || isClosed) return onNode(node)
      afterRefresh.push(() => onNode(nodes.get(name)))
      refreshSoon()
    }

    const close = Effect.gen(function* () {
      isClosed = true
      yield* Fiber.interrupt(refreshing)
      for (const { connection } of nodes.values()) yield* connection.supervisor.close
      yield* publish
      // nothing reads the slots any more
      continueWaiting()
    })
    yield* Effect.addFinalizer(() => close)

    return {
      of: (slot) => slots[slot],
      moveOf: (slot) => moveBySlot[slot] ?? 0,
      moves: () => moves,
      all: () => Array.from(nodes.values()),
      changes: current.changes,
      rangesOf: (name) => primaries.find(({ address }) => describeNode(address) === name)?.ranges ?? [],
      isCovered,
      isWhole,
      moved: (slot, address, onNode) => {
        refreshSoon()
        at(address, (node) => {
          if (node !== undefined) give(slot, node)
          onNode(node)
        })
      },
      at,
      refreshSoon,
      failure: () => failure,
      isClosed: () => isClosed,
      rejection: () => (isClosed ? rejected.Disabled : rejected.Disconnected),
      close
    }
  })
