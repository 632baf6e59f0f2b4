import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src/", import.meta.url))

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
    // what a passing test logs tells nobody anything
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
