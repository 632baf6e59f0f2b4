/**
 * Bundles the command `effect-cache` with all that it needs into `dist/bin`. So the package runs it without any other, and a
 * program that uses the library installs nothing of it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { build, type Plugin } from "esbuild"

/** The folders of the packages that a bundle has modules of. */
const packagesOf = (inputs: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []))].sort()

/** The licences of the packages, which ask that they go with copies. */
const licences = (root: string, folders: ReadonlyArray<string>): string =>
  folders
    .map((folder) => {
      const path = join(root, folder)
      const file = existsSync(path) ? readdirSync(path).find((name) => /^licen[cs]e/i.test(name)) : undefined
      const name = folder.replace(/^.*node_modules\//, "")
      const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"))
      const text = file === undefined ? `Licence: ${manifest.license}` : readFileSync(join(path, file), "utf8").trim()
      return `${name} ${manifest.version}\n\n${text}\n`
    })
    .join(`\n${"-".repeat(80)}\n\n`)

/** What runs on the packages of the application is loaded from its place in `dist`, where it is compiled and not bundled. */
const outside = (root: string): Plugin => ({
  name: "outside",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/Module(Advice|Warming)\.js$/ }, ({ importer, path }) => ({
      path: `../${relative(join(root, "src"), join(importer, "..", path))}`,
      external: true
    }))
  }
})

export const bundleCommand = async (root: string): Promise<void> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { "effect-cache": "src/cli.ts" },
    outdir: "dist/bin",
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [outside(root)],
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    logLevel: "warning",
    // some packages are CommonJS, and call require
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";const require = __createRequire(import.meta.url);'
    }
  })
  writeFileSync(join(root, "dist/bin/LICENSES.txt"), licences(root, packagesOf(Object.keys(metafile.inputs))))
}
