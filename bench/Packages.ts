/**
 * The peers' packages: installed when they are first needed, so that nobody who only works on the toolkit has them.
 */
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** @effect/experimental, which is the toolkit's own dependency, imports ioredis, which is the bench's. */
const ioredisForExperimental = () =>
  Bun.plugin({
    name: "ioredis for @effect/experimental",
    setup: (build) => {
      build.module("ioredis", async () => ({
        exports: await import(Bun.resolveSync("./node_modules/ioredis", directory)),
        loader: "object"
      }))
    }
  })

const directory = fileURLToPath(new URL(".", import.meta.url))

/** As the lockfile says; does next to nothing where they are there. */
export const install: Effect.Effect<void> = Effect.gen(function* () {
  const process_ = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: directory,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const code = yield* Effect.promise(() => process_.exited)
  if (code !== 0) {
    yield* Console.error(yield* Effect.promise(() => new Response(process_.stderr).text()))
    return yield* Effect.dieMessage(`bun install of the peers ended with ${code}`)
  }
  ioredisForExperimental()
})
