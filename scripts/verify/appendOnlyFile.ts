/** Takes the last writes of a server from the file that it starts with, as the power failure of a machine does. */
import { readdirSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"

/** The file that the server appends to now, in its directory. It is another one after each rewrite. */
const current = (directory: string) => {
  const folder = join(directory, "appendonlydir")
  const names = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"))
  const numberOf = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? 0)
  const name = names.reduce((last, other) => (numberOf(other) > numberOf(last) ? other : last), names[0] ?? "")
  return { path: join(folder, name), size: statSync(join(folder, name)).size }
}

/** The effect in it loses what the server has written since. It is for a server that was killed. */
export const losesFromNow = (directory: string): Effect.Effect<Effect.Effect<void>> =>
  Effect.sync(() => {
    const { path, size } = current(directory)
    return Effect.sync(() => {
      if (current(directory).path === path) truncateSync(path, size)
    })
  })
