/**
 * Handles the outages of each server of a cluster (docs/protocol.md, "Outage of a node"). Reads of a server's keys are closed
 * from the end of its connection until the next one was handled. So are reads of keys that another server has got.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { RedisUnavailable } from "../../redis/RedisError.js"
import type { RedisNode } from "../../redis/RedisExecutor.js"
import type { CacheServers } from "./CacheServers.js"
import * as MarkerClock from "./MarkerClock.js"
import type { Distrust } from "./outage/Distrust.js"
import { type ReadFailure, readFailureOf } from "./outage/ReadFailure.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface NodeOutagesOptions {
  readonly servers: CacheServers
  readonly markerClock: MarkerClock.MarkerClock
  readonly distrust: Pick<Distrust, "outageEnded">
  /** the clear marker as last seen */
  readonly clearMarker: () => number
  /** Replaces the clear marker as last seen, also by a smaller one. */
  readonly replaceClear: (marker: number) => void
  /** Runs after an outage, while its reads are still closed. */
  readonly onOutageEnded: Effect.Effect<void>
  /** Runs in the step in which reads open after an outage. */
  readonly onOpen: () => void
  /** Runs when a server may take commands again. */
  readonly onChange: () => void
}

/**
 * @since 0.2.0
 * @category models
 */
export interface NodeOutages {
  /** Whether the markers may be read. */
  readonly areMarkersOpen: () => boolean
  /** Whether a key may be read, its markers included. */
  readonly isOpen: (key: string) => boolean
  /** Whether a reply of this connection is one of the server that holds the key, and may be used. */
  readonly isUsable: (generation: number, key: string) => boolean
  readonly areMarkersUsable: (generation: number) => boolean
  /** The connection of the markers, while they are open. */
  readonly markerGeneration: () => number | undefined
  /** Why a key is not read. */
  readonly failureOf: (key: string) => ReadFailure
  /** The places at which a distrust may lie that counts for the key. */
  readonly placesOf: (key: string) => ReadonlyArray<number>
}

/** What holds the markers: a connection to a server, since a move of their slot. */
interface MarkerHolder {
  readonly id: number
  readonly generation: number
  readonly move: number
}

/** A server of this moment. */
interface NodeState {
  readonly node: RedisNode
  /** of its connection; undefined where there is none */
  readonly generation: number | undefined
  readonly failure: ReadFailure
}

/** A server with another clock may be this much behind what was estimated of the last one. */
const aheadMillis = 1000

/** The pause before a question is repeated that was not answered. */
const pause = "100 millis"

const connecting = readFailureOf(new RedisUnavailable({ reason: "Connecting" }))
const disconnected = readFailureOf(new RedisUnavailable({ reason: "Disconnected" }))
const disabled = readFailureOf(new RedisUnavailable({ reason: "Disabled" }))

const stateOf = (node: RedisNode): Effect.Effect<NodeState> =>
  Effect.map(node.getStatus, ({ connected, generation, state }) => ({
    node,
    generation: connected ? generation : undefined,
    failure: state._tag === "Disabled" ? disabled : connected ? connecting : disconnected
  }))

/** The marks of distrust of moved keys lie at the negative numbers of their handling, those of servers at their ids. */
const placeOfMove = (handling: number): number => -handling

/**
 * Watches the servers as long as the scope is open. Those that are connected now are open: a new cache has missed nothing.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: NodeOutagesOptions): Effect.Effect<NodeOutages, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { distrust, markerClock, servers } = options
    const { markerKey, nodes } = servers
    const isWanted = Effect.unsafeMakeLatch(true)
    /** of each server, the connection whose outage before it was handled */
    const open = new Map<number, number>()
    const failures = new Map<number, ReadFailure>()
    /** up to which move each handling of moves has come; the handling counts from 1 */
    const firstMove = nodes.moves()
    const handledMoves: Array<number> = [firstMove]
    let markers: MarkerHolder | undefined

    const lastHandledMove = () => handledMoves[handledMoves.length - 1] ?? 0

    /** The handling that a move was handled in: the first that has come as far. */
    const handlingOf = (move: number): number => {
      let least = 0
      let most = handledMoves.length
      while (least < most) {
        const middle = (least + most) >> 1
        if ((handledMoves[middle] ?? 0) < move) least = middle + 1
        else most = middle
      }
      // a move that is not handled yet: its key is not read before
      return least < handledMoves.length ? least : -1
    }

    const areMarkersOpen = () => {
      if (markers === undefined || nodes.of(markerKey).id !== markers.id) return false
      return open.get(markers.id) === markers.generation && nodes.moveOf(markerKey) === markers.move
    }

    const isHandled = (key: string) => nodes.moveOf(key) <= lastHandledMove()

    const isOpen = (key: string) => {
      // of a new connection the watch tells, and of moved keys nothing else does
      if (areMarkersOpen() && isHandled(key)) return open.has(nodes.of(key).id)
      isWanted.unsafeOpen()
      return false
    }

    /** Notes which servers are connected, and answers the states of those whose outage is not handled. */
    const look = Effect.map(
      Effect.suspend(() => Effect.forEach(nodes.current(), stateOf)),
      (states) => {
        const ids = new Set(states.map(({ node }) => node.id))
        for (const id of open.keys()) if (!ids.has(id)) open.delete(id)
        for (const id of failures.keys()) if (!ids.has(id)) failures.delete(id)
        return states.filter(({ failure, generation, node }) => {
          failures.set(node.id, failure)
          if (generation !== undefined && open.get(node.id) === generation) return false
          open.delete(node.id)
          return generation !== undefined
        })
      }
    )

    /** Sees that whatever the markers' last server has stamped is no younger than the clear marker, where its clock was ahead. */
    const raiseBehind = (answer: MarkerClock.MarkerTime, ended: MarkerClock.MarkerTime | undefined) =>
      Effect.gen(function* () {
        const ahead = Math.max(answer.clear, options.clearMarker())
        let atLeast: number | undefined
        if (ended !== undefined && answer.now < MarkerClock.lowerAt(ended, answer.sentAt)) {
          const upper = MarkerClock.upperAt(ended, yield* MonotonicClock.millis)
          atLeast = Math.max(upper + aheadMillis, ahead + 1)
        } else if (ahead >= answer.now) {
          atLeast = ahead + 1
        }
        options.replaceClear(atLeast === undefined ? answer.clear : yield* markerClock.raise(atLeast))
      })

    /** Handles every outage that has ended. Fails when the server of the markers does not answer. */
    const handle = Effect.gen(function* () {
      const ended = yield* look
      const move = nodes.moves()
      const isNewHolder = !areMarkersOpen()
      if (ended.length === 0 && move === lastHandledMove() && !isNewHolder) return
      const holder = { id: nodes.of(markerKey).id, move: nodes.moveOf(markerKey) }
      const last = markerClock.lastOf(markers?.generation)
      const answer = yield* markerClock.query
      yield* raiseBehind(answer, isNewHolder ? last : undefined)
      yield* options.onOutageEnded
      // in one step, and only what is still as it was: the rest is handled in the next round
      const now = Math.ceil(answer.now)
      if (isNewHolder) {
        markers = { ...holder, generation: answer.generation }
        markerClock.keepOnly(answer.generation)
        distrust.outageEnded(now)
      }
      if (move > lastHandledMove()) {
        handledMoves.push(move)
        distrust.outageEnded(now, placeOfMove(handledMoves.length - 1))
      }
      for (const { generation, node } of ended) {
        if (generation === undefined) continue
        distrust.outageEnded(now, node.id)
        open.set(node.id, generation)
      }
      options.onOpen()
      // the markers went elsewhere meanwhile
      if (!areMarkersOpen()) return yield* Effect.fail(disconnected.error)
    })

    const watched = nodes.changes.pipe(
      Stream.flatMap(
        (current) =>
          Stream.mergeAll<unknown, never, never>(
            [
              Stream.make(undefined),
              ...current.map(({ statusChanges }) => statusChanges),
              ...current.map(({ circuitChanges }) => circuitChanges)
            ],
            { concurrency: "unbounded" }
          ),
        { switch: true }
      ),
      Stream.runForEach(() =>
        Effect.sync(() => {
          isWanted.unsafeOpen()
          options.onChange()
        })
      )
    )

    const handleForever = isWanted.await.pipe(
      Effect.zipRight(Effect.sync(() => isWanted.unsafeClose())),
      Effect.zipRight(Effect.orElse(handle, () => Effect.andThen(Effect.sleep(pause), () => isWanted.unsafeOpen()))),
      Effect.forever
    )

    for (const { generation, node } of yield* look) {
      if (generation === undefined) continue
      open.set(node.id, generation)
      if (node.id === nodes.of(markerKey).id) {
        markers = { id: node.id, generation, move: nodes.moveOf(markerKey) }
      }
    }
    yield* Effect.forkScoped(Effect.interruptible(handleForever))
    yield* Effect.forkScoped(Effect.interruptible(watched))

    return {
      areMarkersOpen,
      isOpen,
      isUsable: (generation, key) => generation === open.get(nodes.of(key).id) && isHandled(key),
      areMarkersUsable: (generation) => generation === markers?.generation && areMarkersOpen(),
      markerGeneration: () => (areMarkersOpen() ? markers?.generation : undefined),
      failureOf: (key) => failures.get(nodes.of(areMarkersOpen() ? key : markerKey).id) ?? disconnected,
      placesOf: (key) => {
        const move = nodes.moveOf(key)
        const { id } = nodes.of(key)
        return move <= firstMove ? [id] : [id, placeOfMove(handlingOf(move))]
      }
    }
  })
