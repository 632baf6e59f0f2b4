/** What a `TypedCache` promises, whatever Redis it runs on. */
import type { Vitest } from "@effect/vitest"
import { describe } from "vitest"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { contract as callerContext, inOneProcess as callerContextInOneProcess } from "./typedCache/CallerContext.js"
import { contract as callOptions } from "./typedCache/CallOptions.js"
import { contract as loading, inOneProcess as loadingInOneProcess } from "./typedCache/Loading.js"
import { contract as names } from "./typedCache/Names.js"
import { contract as nestedLookups, inOneProcess as nestedLookupsInOneProcess } from "./typedCache/NestedLookups.js"
import { contract as settings } from "./typedCache/Settings.js"
import { contract as storedForm } from "./typedCache/StoredForm.js"
import { contract as tags, inOneProcess as tagsInOneProcess } from "./typedCache/Tags.js"
import { contract as writing, inOneProcess as writingInOneProcess } from "./typedCache/Writing.js"

/** What a `LocalCache` promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  callerContextInOneProcess(it)
  loadingInOneProcess(it)
  nestedLookupsInOneProcess(it)
  tagsInOneProcess(it)
  writingInOneProcess(it)
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  describe("a cache", () => {
    callerContext(it)
    callOptions(it)
    loading(it)
    names(it)
    nestedLookups(it)
    settings(it)
    storedForm(it)
    tags(it)
    writing(it)
  })
}
