/**
 * The executor over a cluster: each command goes to the primary that holds its keys.
 *
 * @internal
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import { rejected } from "../CommandRejection.js"
import * as ClientOptions from "../connection/ClientOptions.js"
import type { OnRead } from "../connection/queue/CommandQueue.js"
import type { Caller } from "../connection/queue/QueuedCommand.js"
import * as ScriptRunner from "../connection/ScriptRunner.js"
import * as Subscriber from "../connection/subscription/Subscriber.js"
import * as PrefixedExecutor from "../prefix/PrefixedExecutor.js"
import { type ClusterAddress, describeNode, type NodeAddress } from "../RedisAddress.js"
import type { RedisArgument, RedisDriver, RedisReply } from "../RedisConnection.js"
import type { OnReply, RedisExecutor, RedisNode, WithGeneration } from "../RedisExecutor.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as ClusterCommand from "./ClusterCommand.js"
import type { ClusterNode, CommandPath } from "./ClusterNode.js"
import * as ClusterNodes from "./ClusterNodes.js"
import * as ClusterRouter from "./ClusterRouter.js"
import * as ClusterStatus from "./ClusterStatus.js"
import * as ClusterTracker from "./ClusterTracker.js"
import * as Slots from "./Slots.js"

export interface ClusterExecutorOptions extends Pick<ClusterAddress, "mapAddress" | "refreshInterval"> {
  /** servers of the cluster: one that answers is enough */
  readonly seeds: Arr.NonEmptyReadonlyArray<NodeAddress>
  readonly driverOf: (address: NodeAddress) => RedisDriver
}

/** The generation of a reply whose parts came by several connections: it belongs to none of them. */
const noGeneration = 0

/** Joins the replies to the parts of a command. The first failure, in the order of the parts, is that of the whole. */
const joining = (
  count: number,
  join: (replies: ReadonlyArray<RedisReply>) => RedisReply,
  onReply: OnReply<RedisReply>
): ((part: number) => OnReply<RedisReply>) => {
  const exits: Array<Parameters<OnReply<RedisReply>>[0]> = []
  let missing = count
  return (part) => (exit) => {
    exits[part] = exit
    if (--missing > 0) return
    onReply(
      Exit.map(
        Option.getOrElse(Exit.all(exits), () => Exit.succeed([])),
        (replies) => ({
          value: join(replies.map(({ value }) => value)),
          generation: replies.every(({ generation }) => generation === replies[0]?.generation)
            ? (replies[0]?.generation ?? noGeneration)
            : noGeneration
        })
      )
    )
  }
}

/** What the engine asks about a slot that no server is known to hold. */
const noNode: RedisNode = {
  id: 0,
  command: () => rejected.Disconnected,
  clockOffsetMillis: () => 0,
  getStatus: Effect.succeed(ClusterStatus.none),
  statusChanges: Stream.empty,
  circuitChanges: Stream.empty
}

/**
 * Returns when the slots have been read and each primary's first dial has ended, whether it succeeded or not. An option that
 * cannot be right is a defect that names it.
 */
export const make = (
  { driverOf, seeds, ...cluster }: ClusterExecutorOptions,
  options: ClientOptions.ClientOptions = {}
): Effect.Effect<RedisExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const check = OptionCheck.make("Redis cluster")
    for (const { port } of seeds) check.wholeNumber("nodes.port", port, { most: 65_535 })
    const refreshInterval = check.positiveDuration("refreshInterval", cluster.refreshInterval)
    const mapAddress = cluster.mapAddress ?? ((announced: NodeAddress) => announced)
    // MGET takes keys of one slot only, so that each read is a GET
    const settings = { ...ClientOptions.of(options), maxKeysPerRead: 1 }
    const nodes = yield* ClusterNodes.make({
      seeds,
      driverOf,
      mapAddress,
      settings,
      refreshInterval: Duration.decode(refreshInterval ?? "30 seconds")
    })
    const route = ClusterRouter.make(nodes, mapAddress)

    const connectedNodes = () => nodes.all().filter((node) => node.isConnected())

    let turns = 0
    /** A server for what concerns no key: those that are connected take turns. */
    const anyNode = (): ClusterNode | undefined => {
      const connected = connectedNodes()
      const some = connected.length > 0 ? connected : nodes.all()
      return some[turns++ % some.length]
    }

    const read = <A>(send: (path: CommandPath, key: string, onReply: OnRead<A>) => void) =>
      RetryPolicy.repeating<string, Option.Option<A>>(
        (resume, _caller, key) =>
          route<Option.Option<A>>(Slots.of(key), (path, onExit) => send(path, key, onExit), resume),
        () => true
      )

    const send = (
      command: string,
      args: ReadonlyArray<RedisArgument>,
      onReply: OnReply<RedisReply>,
      caller?: Caller
    ): void => {
      const sendToNode = (node: ClusterNode | undefined, onReply: OnReply<RedisReply>) =>
        node === undefined ? onReply(nodes.rejection()) : node.direct.late(command, () => args, onReply, caller)
      const sendToSlot = (slot: number, args: ReadonlyArray<RedisArgument>, onReply: OnReply<RedisReply>) =>
        route<WithGeneration<RedisReply>>(
          slot,
          ({ late }, onExit) => late(command, () => args, onExit, caller),
          onReply
        )
      const sendToEach = <Target>(
        targets: ReadonlyArray<Target>,
        join: (replies: ReadonlyArray<RedisReply>) => RedisReply,
        sendTo: (target: Target, onReply: OnReply<RedisReply>) => void
      ) => {
        const onPart = joining(targets.length, join, onReply)
        for (const [i, target] of targets.entries()) sendTo(target, onPart(i))
      }
      const found = ClusterCommand.of(command.toUpperCase(), args)
      if (Either.isLeft(found)) {
        onReply(Exit.fail(found.left))
        return
      }
      const sent = found.right
      switch (sent._tag) {
        case "OneSlot":
          sendToSlot(sent.slot, args, onReply)
          break
        case "ManySlots":
          sendToEach(sent.parts, sent.join, (part, onReply) => sendToSlot(part.slot, part.args, onReply))
          break
        case "Channel": {
          const node = nodes.of(sent.slot)
          sendToNode(node?.isConnected() === true ? node : anyNode(), onReply)
          break
        }
        case "AnyServer":
          sendToNode(anyNode(), onReply)
          break
        case "EveryPrimary":
          if (nodes.isCovered()) sendToEach(nodes.all(), sent.join, sendToNode)
          else onReply(nodes.rejection())
      }
    }

    const command = RetryPolicy.repeating<
      { readonly command: string; readonly args: ReadonlyArray<RedisArgument>; readonly idempotent: boolean },
      WithGeneration<RedisReply>
    >(
      (resume, caller, { args, command }) => send(command, args, resume, caller),
      ({ idempotent }) => idempotent
    )

    /** A call that was redirected is sent alone: of several keys of a slot that moves, each server may hold some. */
    const attemptScript = (
      { input, script }: ScriptRunner.RequestedScript,
      onReply: OnReply<RedisReply>,
      caller?: Parameters<ScriptRunner.Attempt>[3]
    ): void => {
      const keys = script.keys(input)
      const found = ClusterCommand.slotOfScript(script.name, keys)
      if (Either.isLeft(found)) onReply(Exit.fail(found.left))
      else {
        const slot = found.right
        route<WithGeneration<RedisReply>>(
          slot,
          (path, onExit, isAgain) =>
            path.attemptScript({ script, input, keys, slot, isAlone: isAgain }, onExit, (send) => send(onExit), caller),
          onReply,
          script.hasServerTime
        )
      }
    }
    const script = RetryPolicy.repeating<ScriptRunner.RequestedScript, WithGeneration<RedisReply>>(
      (resume, caller, requested) => attemptScript(requested, resume, caller),
      ({ script }) => script.idempotent
    )

    // a server publishes to all servers of its cluster, so that any of them serves every channel
    const subscriberDriver: RedisDriver = {
      address: seeds.map(describeNode).join(","),
      toError: driverOf(seeds[0]).toError,
      connect: Effect.suspend(() => driverOf(anyNode()?.address ?? seeds[0]).connect),
      connectSubscriber: Effect.suspend(() => driverOf(anyNode()?.address ?? seeds[0]).connectSubscriber)
    }
    const subscriber = yield* Subscriber.make(subscriberDriver, {
      ...settings,
      beatInterval: settings.heartbeatInterval,
      bufferCapacity: settings.subscriptionBuffer,
      isConnected: Effect.sync(() => connectedNodes().length > 0),
      publish: (channel, message) =>
        Effect.suspend(() => {
          const node = anyNode()
          return node === undefined
            ? nodes.rejection()
            : // the count is of the subscribers at that server alone
              Effect.as(node.connection.queue.probe("PUBLISH", [channel, message]), 1)
        })
    })

    const executor: RedisExecutor = {
      get: read((path, key, onReply) => path.lateGet(key, onReply)),
      getBuffer: read((path, key, onReply) => path.lateGetBuffer(key, onReply)),
      command: (name, args, { idempotent }) => command({ command: name, args, idempotent }),
      unsafeMget: (keys, onReply) => queueMicrotask(() => send("MGET", keys(), onReply)),
      script: (which, input) => script(ScriptRunner.requested(which, input)),
      unsafeScript: (which, input, onReply) => attemptScript(ScriptRunner.requested(which, input), onReply),
      subscribe: subscriber.subscribe,
      listen: subscriber.listen,
      track: ClusterTracker.make(nodes),
      // that of one server, on which all processes agree
      clockOffsetMillis: () => nodes.of(0)?.clockOffsetMillis() ?? 0,
      getStatus: ClusterStatus.status(nodes),
      statusChanges: ClusterStatus.states(nodes),
      circuitChanges: ClusterStatus.circuits(nodes),
      nodes: {
        of: (key) => nodes.of(Slots.of(key)) ?? noNode,
        moveOf: (key) => nodes.moveOf(Slots.of(key)),
        moves: nodes.moves,
        // what concerns all keys must fail while some of them are out of reach
        current: () => (nodes.isCovered() ? nodes.all() : [...nodes.all(), noNode]),
        changes: nodes.changes
      },
      close: Effect.zipRight(nodes.close, subscriber.close)
    }
    return PrefixedExecutor.make(executor, options.keyPrefix)
  })
