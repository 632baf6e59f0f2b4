/**
 * The packages of the peers: installed by the first run that needs them, so that work on the toolkit does not need them.
 */
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** The folder of the benchmarks' own package.json, with a slash at its end. */
export const directory = fileURLToPath(new URL("../", import.meta.url))

/** Installs the versions of the lockfile. Does next to nothing when they are installed already. */
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
