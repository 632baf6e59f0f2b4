/**
 * Preloaded: @effect/experimental, which is the toolkit's own dependency, imports ioredis, which is the bench's.
 */
import { directory } from "../run/Packages.js"

Bun.plugin({
  name: "ioredis for @effect/experimental",
  setup: (build) => {
    build.module("ioredis", async () => ({
      exports: await import(Bun.resolveSync("./node_modules/ioredis", directory)),
      loader: "object"
    }))
  }
})
