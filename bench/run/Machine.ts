/**
 * The machine and the versions of a run: enough to compare runs, and nothing that identifies a person or a place.
 */
import { readFileSync } from "node:fs"
import * as os from "node:os"
import { directory } from "./Packages.js"

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

/** A package's version from its package.json, since many do not export that file. */
const installed = (folder: string, name: string): string =>
  String(JSON.parse(readFileSync(`${folder}/node_modules/${name}/package.json`, "utf8")).version)

/** The versions of the runtime and of all packages that are measured. `server` is the name that the server reports. */
export const versions = (server: string): Record<string, string> => {
  const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(`${directory}package.json`, "utf8")
  )
  return {
    server,
    bun: Bun.version,
    ...Object.fromEntries(
      ["effect", "@effect/experimental", "lru-cache"].map((name) => [name, installed(`${directory}..`, name)] as const)
    ),
    ...Object.fromEntries(Object.keys(dependencies).map((name) => [name, installed(directory, name)] as const))
  }
}
