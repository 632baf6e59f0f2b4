/**
 * Asks servers which primaries a cluster has.
 *
 * @internal
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stall from "../../internal/Stall.js"
import { describeNode, type NodeAddress } from "../RedisAddress.js"
import type { RedisDriver, RedisReply } from "../RedisConnection.js"
import { RedisConnectError } from "../RedisError.js"
import type { ConnectionFailure } from "../RedisStatus.js"
import type { ClusterNode } from "./ClusterNode.js"
import * as SlotMap from "./SlotMap.js"

/** What a server answers of its cluster. */
interface ClusterView {
  readonly primaries: ReadonlyArray<SlotMap.Primary>
  /** whether this server belongs to the majority that serves */
  readonly isServing: boolean
}

/** A server that can be asked. */
interface Witness {
  readonly address: NodeAddress
  readonly ask: Effect.Effect<readonly [slots: RedisReply, info: RedisReply], ConnectionFailure>
}

/** No server could be asked. The failure is that of the first one. */
export class DiscoveryFailed extends Data.TaggedError("DiscoveryFailed")<{
  readonly cause: ConnectionFailure
  /** what came of the servers that were asked after it, in a few words each */
  readonly others: ReadonlyArray<string>
}> {}

export interface DiscoveryOptions {
  readonly seeds: ReadonlyArray<NodeAddress>
  readonly driverOf: (address: NodeAddress) => RedisDriver
  readonly mapAddress: (announced: NodeAddress) => NodeAddress
  /** for the dial of a seed and its answers together */
  readonly timeout: Duration.Duration
}

const slots = ["SLOTS"] as const
const info = ["INFO"] as const

const byConnection = ({ address, connection: { queue } }: ClusterNode): Witness => ({
  address,
  ask: Effect.all(
    [
      Effect.map(queue.probe("CLUSTER", slots), ({ value }) => value),
      Effect.map(queue.probe("CLUSTER", info), ({ value }) => value)
    ],
    { concurrency: "unbounded" }
  )
})

const byDial = (
  address: NodeAddress,
  { driverOf, timeout }: Pick<DiscoveryOptions, "driverOf" | "timeout">
): Witness => {
  const driver = driverOf(address)
  const ask = Effect.scoped(
    Effect.flatMap(driver.connect, (connection) => {
      const send = (args: ReadonlyArray<string>) =>
        Effect.tryPromise({
          try: () => connection.send("CLUSTER", args),
          catch: (cause) => driver.toError("CLUSTER", cause)
        })
      return Effect.all([send(slots), send(info)], { concurrency: "unbounded" })
    })
  )
  const tooLate = () =>
    new RedisConnectError({
      reason: "Timeout",
      address: driver.address,
      detail: `after ${Duration.format(timeout)}`
    })
  return { address, ask: ask.pipe(Stall.timeoutFail({ duration: timeout, onTimeout: tooLate })) }
}

/** A reply names no server, and the server that gave it is what an operator looks for. */
const ofWitness = ({ address }: Witness, failure: ConnectionFailure): ConnectionFailure => {
  if (failure._tag !== "RedisServerError") return failure
  const isAlone = /cluster.*disabled/i.test(failure.detail)
  const detail = isAlone ? `it belongs to no cluster: name it in REDIS_URL (${failure.detail})` : failure.message
  return new RedisConnectError({ reason: "Rejected", address: describeNode(address), detail })
}

const viewOf = (
  witness: Witness,
  mapAddress: DiscoveryOptions["mapAddress"]
): Effect.Effect<ClusterView, ConnectionFailure> =>
  Effect.flatMap(
    Effect.mapError(witness.ask, (failure) => ofWitness(witness, failure)),
    ([slots, info]) =>
      Either.match(SlotMap.parse(slots, witness.address, mapAddress), {
        onLeft: (detail) =>
          Effect.fail(new RedisConnectError({ reason: "Protocol", address: describeNode(witness.address), detail })),
        onRight: (primaries) => Effect.succeed({ primaries, isServing: /cluster_state:ok/.test(String(info)) })
      })
  )

const briefly = ({ address }: Witness, failure: ConnectionFailure): string =>
  `${describeNode(address)}: ${"reason" in failure ? failure.reason : failure._tag}`

/**
 * The primaries as the first server sees them that belongs to the majority, or else as the first one does that answers. The
 * connected nodes are asked before the seeds are dialled.
 */
export const primaries = (
  nodes: ReadonlyArray<ClusterNode>,
  options: DiscoveryOptions
): Effect.Effect<ReadonlyArray<SlotMap.Primary>, DiscoveryFailed> =>
  Effect.gen(function* () {
    let failure: ConnectionFailure | undefined
    const others: Array<string> = []
    let minority: ClusterView | undefined
    const witnesses = [
      ...nodes.map((node) => () => byConnection(node)),
      ...options.seeds.map((address) => () => byDial(address, options))
    ]
    for (const witnessOf of witnesses) {
      const witness = witnessOf()
      const view = yield* Effect.either(viewOf(witness, options.mapAddress))
      if (Either.isLeft(view)) {
        if (failure === undefined) failure = view.left
        else others.push(briefly(witness, view.left))
      } else if (view.right.isServing && view.right.primaries.length > 0) return view.right.primaries
      else minority ??= view.right
    }
    if (minority !== undefined && minority.primaries.length > 0) return minority.primaries
    const detail = "it is part of a cluster that holds no slots"
    return yield* new DiscoveryFailed({
      cause: failure ?? new RedisConnectError({ reason: "Rejected", detail }),
      others
    })
  })
