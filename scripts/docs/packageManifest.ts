/** What the documentation needs of package.json. */
import { readFileSync } from "node:fs"

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly name: string
  readonly repository: { readonly url: string }
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>
}

/** The address of the repository, without a slash at its end. */
export const repository: string = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "")

export interface EntryPoint {
  /** as a program imports it: `effect-cache-toolkit/BunRedis` */
  readonly name: string
  /** its module, as a path from the root of the repository */
  readonly module: string
}

export const entryPoints: ReadonlyArray<EntryPoint> = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === "string"
    ? []
    : [
        {
          name: `${manifest.name}${path.slice(1)}`,
          module: target.types.replace(/^\.\/dist\//, "src/").replace(/\.d\.ts$/, ".ts")
        }
      ]
)
