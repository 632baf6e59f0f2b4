/** Short forms of operations: with `invalidate(0)`, process 0 changes the key a and invalidates it. */

import type { Key } from "../servers/server.js"
import type { Operation } from "./scenario.js"

const operation =
  (what: Operation["what"]) =>
  (process: number, key: Key = "a"): Operation => ({ what, process, key })

export const get = operation("get")
export const invalidate = operation("invalidate")
export const set = operation("set")
export const update = operation("update")
export const invalidateTag = operation("tag")
export const del = operation("delete")
export const refresh = operation("refresh")
export const clearAll = operation("clear")
