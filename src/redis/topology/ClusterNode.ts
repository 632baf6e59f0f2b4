/**
 * One primary of a cluster, over a supervised connection of its own.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { ClientSettings } from "../connection/ClientOptions.js"
import type { CommandQueue } from "../connection/queue/CommandQueue.js"
import * as ScriptRunner from "../connection/ScriptRunner.js"
import * as SupervisedConnection from "../connection/SupervisedConnection.js"
import type * as Tracker from "../connection/subscription/Tracker.js"
import { describeNode, type NodeAddress } from "../RedisAddress.js"
import type { RedisDriver } from "../RedisConnection.js"
import type { RedisNode } from "../RedisExecutor.js"

/** How commands reach a server. */
export interface CommandPath extends Pick<CommandQueue, "late" | "lateGet" | "lateGetBuffer"> {
  readonly attemptScript: ScriptRunner.Attempt
}

export interface ClusterNode extends RedisNode {
  readonly name: string
  readonly address: NodeAddress
  readonly isConnected: () => boolean
  readonly connection: SupervisedConnection.SupervisedConnection
  readonly direct: CommandPath
  /** for keys of a slot that is on its way to this server: ASKING goes before each command */
  readonly asking: CommandPath
  /** Like `RedisExecutor.track`, for the keys of this server. */
  readonly track: Tracker.Tracker["track"]
  readonly close: Effect.Effect<void>
}

export interface ClusterNodeOptions {
  readonly id: number
  readonly address: NodeAddress
  readonly driver: RedisDriver
  readonly settings: ClientSettings
  readonly nextGeneration: () => number
}

const ignored = () => {}

const decoder = new TextDecoder()

const direct = (queue: CommandQueue): CommandPath => ({ ...queue, attemptScript: ScriptRunner.attemptOn(queue) })

/** ASKING and the command are queued in one step, and leave in the order of their calls. */
const asking = (queue: CommandQueue): CommandPath => {
  const ask = () => queue.late("ASKING", () => [], ignored)
  const late: CommandQueue["late"] = (command, args, onReply, caller, inOneGo) => {
    ask()
    queue.late(command, args, onReply, caller, inOneGo)
  }
  const lateGetBuffer: CommandQueue["lateGetBuffer"] = (key, onReply) => {
    ask()
    queue.lateGetBuffer(key, onReply)
  }
  return {
    late,
    // reads of bytes keep their place in the queue, and reads of texts do not
    lateGet: (key, onReply) =>
      lateGetBuffer(key, (exit) =>
        onReply(
          Exit.map(
            exit,
            Option.map((bytes) => decoder.decode(bytes))
          )
        )
      ),
    lateGetBuffer,
    attemptScript: ScriptRunner.attemptOn({ late, traced: queue.traced })
  }
}

/** Returns when the first dial has ended, whether it succeeded or not. The node lives until it is closed. */
export const make = ({
  address,
  driver,
  id,
  nextGeneration,
  settings
}: ClusterNodeOptions): Effect.Effect<ClusterNode, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const connection = yield* Scope.extend(
      SupervisedConnection.make(driver, settings, { moved: Effect.void, nextGeneration }),
      scope
    )
    const { breaker, queue, supervisor, tracker } = connection
    return {
      id,
      name: describeNode(address),
      address,
      isConnected: queue.isOpen,
      connection,
      direct: direct(queue),
      asking: asking(queue),
      command: queue.command,
      clockOffsetMillis: supervisor.clockOffsetMillis,
      getStatus: connection.getStatus,
      statusChanges: supervisor.changes,
      circuitChanges: breaker.changes,
      track: tracker.track,
      close: Scope.close(scope, Exit.void)
    }
  })
