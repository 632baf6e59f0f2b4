import { readFileSync } from "node:fs"
import { join } from "node:path"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { driver } from "../../../examples/docs/driver.js"
import * as SupervisedExecutor from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import { contract } from "../../suites/RedisClientSuite.js"
import { root } from "../../support/root.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const onExample = Layer.scoped(
  RedisClient,
  Effect.gen(function* () {
    const { port } = yield* RedisServer.make()
    const redis = RedisCommands.fromExecutor(yield* SupervisedExecutor.make(driver(port)))
    yield* Stream.runHead(Stream.filter(redis.statusChanges, (state) => state._tag === "Connected"))
    return redis
  })
)

it("the driver that docs/driver.md shows has fewer than 60 lines", () => {
  const lines = readFileSync(join(root, "examples/docs/driver.ts"), "utf8").trimEnd().split("\n")
  expect(lines.length).toBeLessThan(60)
})

if (RedisServer.skipReason === undefined) {
  layer(onExample, { excludeTestServices: true })("on the driver that docs/driver.md shows", contract)
} else {
  describe.skip(`on the driver that docs/driver.md shows (skipped: ${RedisServer.skipReason})`, () => {})
}
