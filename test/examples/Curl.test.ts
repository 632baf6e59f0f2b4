/** The curl commands of the pages run as they stand, at a server that `bun start` would start, and get the statuses beside them. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ServerProgram from "../http/support/ServerProgram.js"
import { root } from "../support/root.js"

/** The blocks of a page that call the server of this repository. */
const blocksOf = (page: string): ReadonlyArray<string> =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block = ""]) => block)
    .filter((block) => block.includes("curl ") && block.includes("localhost:3000"))

/** The statuses that stand in comments behind commands. */
const promised = (block: string): ReadonlyArray<string> =>
  [...block.matchAll(/# (\d{3})\b/g)].map(([, code = ""]) => code)

/** Writes the status of each answer to the standard error. */
const recording = `curl() { command curl -w '%{stderr}STATUS %{http_code}\\n' "$@"; }\n`

const run = (script: string, directory: string) =>
  Effect.async<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const printed = { stdout: "", stderr: "" }
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (chunk: Buffer) => {
        printed[name] += chunk.toString()
      })
    }
    child.once("close", (code) => resume(Effect.succeed({ code, ...printed })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("the curl commands", () => {
  for (const page of ["README.md", "docs/security.md"]) {
    it.scopedLive(`of ${page} can be pasted, and get the statuses that stand beside them`, () =>
      Effect.gen(function* () {
        const blocks = blocksOf(page)
        expect(blocks.length).toBeGreaterThan(0)
        const program = yield* ServerProgram.start()
        const port = yield* program.listening
        for (const block of blocks) {
          const commands = [...block.matchAll(/\bcurl /g)].length
          expect(promised(block)).toHaveLength(commands)
          const script = recording + block.replaceAll("localhost:3000", `127.0.0.1:${port}`)
          const { code, stderr, stdout } = yield* run(script, program.directory)
          expect(code, stderr).toBe(0)
          expect([...stderr.matchAll(/STATUS (\d+)/g)].map(([, status]) => status)).toEqual(promised(block))
          if (block.includes("fwd=miss")) expect(stdout).toMatch(/cache-status:.*fwd=miss[\s\S]*cache-status:.*hit/i)
        }
      })
    )
  }
})
