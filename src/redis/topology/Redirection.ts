/**
 * The replies by which a server of a cluster sends a command elsewhere. None of them has applied anything.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import type { NodeAddress } from "../RedisAddress.js"
import type { RedisError } from "../RedisError.js"
import { addressOf } from "./SlotMap.js"

/**
 * - `Moved`: another server holds the slot from now on
 * - `Ask`: another server has this key already, while the slot is on its way to it
 * - `TryAgain`: some of the command's keys are here and some are there
 */
export type Redirection =
  | { readonly _tag: "Moved" | "Ask"; readonly slot: number; readonly address: NodeAddress }
  | { readonly _tag: "TryAgain" }

const moved = /^-?(MOVED|ASK) (\d{1,5}) (\S+:\d{1,5})\b/

/** The redirection that an answer is; undefined for any other answer. */
export const of = (exit: Exit.Exit<unknown, RedisError>): Redirection | undefined => {
  if (Exit.isSuccess(exit) || exit.cause._tag !== "Fail") return undefined
  const { error } = exit.cause
  if (error._tag !== "RedisServerError") return undefined
  if (error.code === "TRYAGAIN") return { _tag: "TryAgain" }
  if (error.code !== "MOVED" && error.code !== "ASK") return undefined
  const [, , slot, name] = moved.exec(error.detail) ?? []
  const address = name === undefined ? undefined : addressOf(name)
  return slot === undefined || address === undefined
    ? undefined
    : { _tag: error.code === "MOVED" ? "Moved" : "Ask", slot: Number(slot), address }
}
