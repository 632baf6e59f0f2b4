import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src/", import.meta.url))
/** Most tests wait rather than compute, so that two go together on two cores; a given server has databases 1 to 15 for them. */
const forks = Math.min(15, Math.max(2, availableParallelism() - 1))

export default defineConfig({
  resolve: {
    // the package by its own name, as its users import it, without a build
    alias: [
      { find: /^effect-cache-toolkit$/, replacement: `${src}index.ts` },
      { find: /^effect-cache-toolkit\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
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
