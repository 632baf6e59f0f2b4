/**
 * What a failure of a command or of a dial means.
 *
 * @internal
 */
import { fromServerReply, RedisConnectError, RedisConnectionLost, type RedisError } from "../../RedisError.js"
import * as DialFailure from "../dial/DialFailure.js"
import type { DialError } from "../dial/Login.js"
import { ErrorReply, ProtocolFault } from "./ReplyParser.js"

/** The text of an error reply. */
export const replyOf = (cause: unknown): string | undefined => (cause instanceof ErrorReply ? cause.message : undefined)

/** The typed error of a command. */
export const ofCommand = (command: string, cause: unknown): RedisError => {
  const reply = replyOf(cause)
  return reply === undefined
    ? new RedisConnectionLost({ command })
    : fromServerReply(command, DialFailure.withoutLogin(reply))
}

/** Why a connection has ended before it was ready, by the first error of its socket. */
export const ofEnd = (address: string, cause: unknown): DialError => {
  const closed = new RedisConnectError({ reason: "Closed", address, detail: "" })
  const reply = replyOf(cause)
  if (reply !== undefined) return DialFailure.ofReply(address, true, reply) ?? closed
  if (cause instanceof ProtocolFault) {
    return new RedisConnectError({ reason: "Protocol", address, detail: cause.message })
  }
  const failure = DialFailure.ofSocket(address, DialFailure.codeOf(cause), DialFailure.messageOf(cause))
  return failure.reason === "Closed" ? closed : failure
}
