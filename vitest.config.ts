import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import manifest from "./package.json" with { type: "json" }

/** The entry points of the package, each with its source: the tests import the package by its name, without a build. */
const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === "string"
    ? []
    : [
        {
          find: new RegExp(`^${path.replace(/^\./, manifest.name)}$`),
          replacement: fileURLToPath(
            new URL(target.import.replace("/dist/", "/src/").replace(/\.js$/, ".ts"), import.meta.url)
          )
        }
      ]
)
/** Most tests wait rather than compute, so that two go together on two cores; a given server has databases 1 to 15 for them. */
const forks = Math.min(15, Math.max(2, availableParallelism() - 1))

export default defineConfig({
  resolve: { alias: entries },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: forks } },
    // what a passing test logs tells nobody anything
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
