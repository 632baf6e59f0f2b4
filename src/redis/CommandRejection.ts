/**
 * Rejects commands that are not sent, and classifies error replies that concern other commands too.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import { type RedisError, RedisUnavailable } from "./RedisError.js"

/** Why there is no connection. */
export type ShutReason = "Disabled" | "Connecting" | "Disconnected"

// made once, so that a rejection costs no error, no stack trace and no effect
export const unavailable = {
  Disabled: new RedisUnavailable({ reason: "Disabled" }),
  Connecting: new RedisUnavailable({ reason: "Connecting" }),
  Disconnected: new RedisUnavailable({ reason: "Disconnected" }),
  CircuitOpen: new RedisUnavailable({ reason: "CircuitOpen" }),
  Overloaded: new RedisUnavailable({ reason: "Overloaded" })
} as const

export const rejected = {
  Disabled: Exit.fail(unavailable.Disabled),
  Connecting: Exit.fail(unavailable.Connecting),
  Disconnected: Exit.fail(unavailable.Disconnected),
  CircuitOpen: Exit.fail(unavailable.CircuitOpen),
  Overloaded: Exit.fail(unavailable.Overloaded)
} as const

/** Rejections that a GET of one key can escape although the MGET could not. */
export const isOfOneKey = (error: RedisError): boolean =>
  (error._tag === "RedisAuthError" && error.reason === "NoPermission") ||
  (error._tag === "RedisServerError" && error.code === "CROSSSLOT")

/** Of those, the ones that every MGET of this connection would meet again. */
export const isOfEveryRead = (error: RedisError): boolean =>
  // Dragonfly does not name the command; all of them name a key where a key is the reason
  error._tag === "RedisServerError" ||
  (error._tag === "RedisAuthError" && (/'mget'/i.test(error.detail) || !/\bkeys?\b/i.test(error.detail)))

/** Rejections that say that the server can do nothing for anyone at the moment. */
export const isNotReady = (error: RedisError): boolean =>
  error._tag === "RedisServerError" &&
  (error.code === "LOADING" || error.code === "BUSY" || error.code === "MASTERDOWN" || error.code === "CLUSTERDOWN")

/** Whether the server takes no writes, because it is a replica. */
export const isReadOnly = (error: RedisError): boolean => error._tag === "RedisServerError" && error.code === "READONLY"
