/**
 * The peers' packages: installed when they are first needed, so that nobody who only works on the toolkit has them.
 */
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

export const directory = fileURLToPath(new URL(".", import.meta.url))

/** As the lockfile says; does next to nothing where they are there. */
export const install: Effect.Effect<void> = Effect.gen(function* () {
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const code = yield* Effect.promise(() => child.exited)
  if (code !== 0) {
    yield* Console.error(yield* Effect.promise(() => new Response(child.stderr).text()))
    return yield* Effect.dieMessage(`bun install of the peers ended with ${code}`)
  }
})
