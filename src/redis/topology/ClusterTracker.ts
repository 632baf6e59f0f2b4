/**
 * The changes of keys on all primaries of a cluster: each primary pushes those of its own keys, over a connection of its own.
 *
 * A primary that is new, as after a failover, begins with a gap like any new connection. So whatever was read from it before it
 * was tracked leaves the local tiers. A key that moves is removed from its old server, which pushes that.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { RedisUnavailable } from "../RedisError.js"
import type { RedisExecutor, TrackingState } from "../RedisExecutor.js"
import type { ClusterNode } from "./ClusterNode.js"
import type { ClusterNodes } from "./ClusterNodes.js"

const connecting: TrackingState = { _tag: "Connecting" }

const isOfReads = (state: TrackingState): boolean => state._tag === "Active" && state.heard === "ReadKeys"

/** The state of the whole: a refusal of one server says most, and changes are heard when all servers push theirs. */
const stateOf = (stateByNode: ReadonlyMap<ClusterNode, TrackingState>): TrackingState => {
  for (const [{ name }, state] of stateByNode) {
    if (state._tag === "Refused") return { ...state, reason: `${name}: ${state.reason}` }
  }
  const states = Array.from(stateByNode.values())
  return states.find(({ _tag }) => _tag === "Connecting") ?? states.find(isOfReads) ?? states[0] ?? connecting
}

const isSame = (left: TrackingState, right: TrackingState): boolean => {
  switch (left._tag) {
    case "Active":
      return right._tag === "Active" && left.heard === right.heard
    case "Refused":
      return right._tag === "Refused" && left.reason === right.reason
    case "Connecting":
      return right._tag === "Connecting"
  }
}

export const make =
  (nodes: ClusterNodes): NonNullable<RedisExecutor["track"]> =>
  (prefix, onEvent) =>
    Effect.gen(function* () {
      const listening = new Map<ClusterNode, Fiber.RuntimeFiber<unknown>>()
      const states = new Map<ClusterNode, TrackingState>()
      let said: TrackingState = connecting
      onEvent({ _tag: "State", state: said })

      const say = () => {
        const state = stateOf(states)
        if (isSame(said, state)) return
        said = state
        onEvent({ _tag: "State", state })
      }

      const listenTo = (node: ClusterNode) =>
        Effect.map(
          Effect.forkScoped(
            // a node that has left the cluster is closed
            Effect.ignore(
              node.track(prefix, (event) => {
                if (event._tag !== "State") return onEvent(event)
                states.set(node, event.state)
                say()
              })
            )
          ),
          (fiber) => listening.set(node, fiber)
        )

      const follow = (current: ReadonlyArray<ClusterNode>) =>
        Effect.gen(function* () {
          for (const [node, fiber] of listening) {
            if (current.includes(node)) continue
            listening.delete(node)
            states.delete(node)
            yield* Fiber.interruptFork(fiber)
          }
          for (const node of current) {
            if (listening.has(node)) continue
            states.set(node, connecting)
            yield* listenTo(node)
          }
          say()
        })

      yield* Stream.runForEach(
        Stream.takeUntil(nodes.changes, () => nodes.isClosed()),
        follow
      )
      return yield* Effect.fail(new RedisUnavailable({ reason: "Disabled" }))
    }).pipe(Effect.scoped)
