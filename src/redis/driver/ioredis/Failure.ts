/**
 * What the errors of ioredis mean, for a command and for a dial.
 *
 * @internal
 */
import {
  fromServerReply,
  RedisConnectError,
  RedisConnectionLost,
  type RedisError,
  RedisProtocolError
} from "../../RedisError.js"
import * as DialFailure from "../dial/DialFailure.js"
import type { DialError } from "../dial/Login.js"

const isReply = (cause: unknown): cause is Error => cause instanceof Error && cause.name === "ReplyError"

/** The text of an error reply. */
export const replyOf = (cause: unknown): string | undefined => (isReply(cause) ? cause.message : undefined)

/** Whether ioredis has found bytes that are no Redis protocol. */
const isNoProtocol = (detail: string): boolean => /^(Protocol error, got|Unknown RESP type)/.test(detail)

const isClosed = (detail: string): boolean =>
  /^(Connection is closed|Stream isn't writeable|Command aborted due to connection close)/.test(detail)

/** The typed error of a command. */
export const ofCommand = (command: string, cause: unknown): RedisError => {
  const detail = DialFailure.messageOf(cause)
  if (isReply(cause)) return fromServerReply(command, DialFailure.withoutLogin(detail))
  return isClosed(detail) ? new RedisConnectionLost({ command }) : new RedisProtocolError({ command, detail })
}

/** An error reply that came before any command, such as that of too many clients. */
const unasked = (detail: string): string | undefined =>
  /^Command queue state error.* Last error: (?:ReplyError: )?(.*)$/s.exec(detail)?.[1]

/** Why a connection has ended before it was ready, by the first error of its client. */
export const ofEnd = (address: string, cause: unknown): DialError => {
  const detail = DialFailure.messageOf(cause)
  const closed = new RedisConnectError({ reason: "Closed", address, detail: "" })
  const reply = unasked(detail)
  if (reply !== undefined) return DialFailure.ofReply(address, true, reply) ?? closed
  if (isNoProtocol(detail)) return new RedisConnectError({ reason: "Protocol", address, detail })
  const failure = DialFailure.ofSocket(address, DialFailure.codeOf(cause), detail)
  return failure.reason === "Closed" ? closed : failure
}
