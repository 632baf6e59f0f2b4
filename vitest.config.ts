import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src/", import.meta.url))
const databases = Math.min(15, Math.max(1, availableParallelism() - 1))

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
    // a given server has databases 1 to 15 for the files that run at the same time
    poolOptions: { forks: process.env.TEST_REDIS_URL ? { minForks: 1, maxForks: databases } : {} },
    // what a passing test logs tells nobody anything
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
