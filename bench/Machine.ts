/**
 * What the numbers were measured on: enough to compare runs, nothing that names a person or a place.
 */
import { readFileSync } from "node:fs"
import * as os from "node:os"
import { fileURLToPath } from "node:url"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
}

export interface MeasuredOn {
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
}

export const machine = (): Machine => ({
  cpu: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.cpus().length,
  memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  system: `${os.platform()} ${os.arch()}`
})

const here = fileURLToPath(new URL(".", import.meta.url))

/** A package's version from its package.json, since many do not export that file. */
const installed = (directory: string, name: string): string =>
  String(JSON.parse(readFileSync(`${directory}/node_modules/${name}/package.json`, "utf8")).version)

/** `server` is what the server says of itself. */
export const versions = (server: string): Record<string, string> => {
  const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(`${here}package.json`, "utf8")
  )
  return {
    server,
    bun: Bun.version,
    ...Object.fromEntries(
      ["effect", "@effect/experimental", "lru-cache"].map((name) => [name, installed(`${here}..`, name)] as const)
    ),
    ...Object.fromEntries(Object.keys(dependencies).map((name) => [name, installed(here, name)] as const))
  }
}
