import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { filesOf, filesOfNode, type Project } from "./test/support/projects.js"

const src = fileURLToPath(new URL("./src/", import.meta.url))
/** Most tests wait rather than compute, so that two go together on two cores; a given server has databases 1 to 15 for them. */
const forks = Math.min(15, Math.max(2, availableParallelism() - 1))

const isBun = process.versions.bun !== undefined

const project = (name: Project, env: Record<string, string>) => ({
  extends: true as const,
  test: { name, include: [...filesOf(name)], env }
})

export default defineConfig({
  resolve: {
    // the package by its own name, as its users import it, without a build
    alias: [
      { find: /^effect-cache-toolkit$/, replacement: `${src}index.ts` },
      { find: /^effect-cache-toolkit\/(BunRedis|SocketRedis|IoRedis)$/, replacement: `${src}redis/driver/$1.ts` },
      { find: /^effect-cache-toolkit\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: forks } },
    setupFiles: ["test/support/propertyRuns.ts", "test/support/restoreTesters.ts", "test/support/turnBetweenTests.ts"],
    // the log of a passing test helps nobody
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: isBun
      ? [
          project("unit", { TEST_LAYERS: "memory" }),
          project("server", { TEST_LAYERS: "server" }),
          project("cluster", { TEST_LAYERS: "cluster" }),
          project("processes", { TEST_LAYERS: "memory server" })
        ]
      : [{ extends: true, test: { name: "node", include: [...filesOfNode()] } }]
  }
})
