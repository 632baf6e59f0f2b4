/**
 * Sends a command to the primary that holds its slot, and again where redirections lead.
 *
 * The servers of a cluster answer a command for another server's slot with a redirection, by which nothing was applied. See
 * the Redis Cluster specification, "Redirection and resharding".
 *
 * @internal
 */
import type * as Exit from "effect/Exit"
import type { NodeAddress } from "../RedisAddress.js"
import type { RedisError } from "../RedisError.js"
import type { ClusterNode, CommandPath } from "./ClusterNode.js"
import type { ClusterNodes } from "./ClusterNodes.js"
import * as Redirection from "./Redirection.js"

/** How often one command is sent elsewhere before the redirection is its answer. */
const maxRedirections = 8

/** The pause before a command is repeated whose keys are on their way, in milliseconds. */
const migrationPauseMillis = 25

type OnExit<A> = (exit: Exit.Exit<A, RedisError>) => void

/** Sends a command to one server. `isAgain` is whether it was redirected. */
export type Send<A> = (path: CommandPath, onExit: OnExit<A>, isAgain: boolean) => void

/**
 * Sends to the holder of a slot, and calls back with the answer that is no redirection. A command with a time of the server's
 * clock is not sent on while its slot moves. Another server would compare the time with a clock of its own.
 */
export type Route = <A>(slot: number, send: Send<A>, onExit: OnExit<A>, hasServerTime?: boolean) => void

export const make =
  (nodes: ClusterNodes, mapAddress: (announced: NodeAddress) => NodeAddress): Route =>
  (slot, send, onExit, hasServerTime = false) => {
    let redirections = 0
    const goTo = (node: ClusterNode | undefined, isAsking: boolean): void => {
      if (node === undefined) {
        nodes.refreshSoon()
        onExit(nodes.rejection())
        return
      }
      const onAnswer: Parameters<typeof send>[1] = (exit) => {
        const redirection = Redirection.of(exit)
        const isFinal = redirection === undefined || (hasServerTime && redirection._tag === "Ask")
        if (isFinal || ++redirections > maxRedirections) {
          onExit(exit)
          return
        }
        if (redirection._tag === "TryAgain") {
          setTimeout(() => goTo(nodes.of(slot), false), migrationPauseMillis)
          return
        }
        const { host, port } = redirection.address
        // a server that does not know its own name leaves it out
        const address = mapAddress({ host: host === "" ? node.address.host : host, port })
        if (redirection._tag === "Moved") nodes.moved(redirection.slot, address, (next) => goTo(next, false))
        else nodes.at(address, (next) => goTo(next, true))
      }
      send(isAsking ? node.asking : node.direct, onAnswer, redirections > 0)
    }
    goTo(nodes.of(slot), false)
  }
