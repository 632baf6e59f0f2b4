// Apart from the other tests: a suite on a shared layer changes what `it.effect` means in the rest of its file.
import { describe } from "@effect/vitest"
import { cacheServiceSuite } from "../suites/CacheServiceSuite.js"
import { onMemory, onServer } from "../support/server/clientLayers.js"
import * as RedisServer from "../support/server/RedisServer.js"

cacheServiceSuite("the cache service in memory", onMemory)

const reason = RedisServer.skipReasonOfUse()

describe.skipIf(reason !== undefined)(reason ?? "", () => cacheServiceSuite("the cache service on a server", onServer))
