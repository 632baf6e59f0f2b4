/** The programs of package.json answer their arguments before they do anything. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { version } from "../../src/internal/Version.js"
import { run } from "./support/program.js"

const programs: ReadonlyArray<readonly [command: string, file: string, words: ReadonlyArray<RegExp>]> = [
  ["bun start", "src/main.ts", [/\bPORT=3000\b/, /\bREDIS_URL\b/, /\bAPI_TOKEN\b/]],
  ["bun run demo", "examples/demo.ts", [/\bREDIS_URL\b/]],
  ["bun run bench", "bench/main.ts", [/--quick\b/, /--json <file>/, /\bBENCH_REDIS_URL\b/]]
]

for (const [command, file, words] of programs) {
  describe(`${command}`, () => {
    it.live("--help prints how it is used, and does nothing else", () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* run(file, {}, ["--help"])
        expect([code, stderr]).toEqual([0, ""])
        expect(stdout).toMatch(new RegExp(`^Usage: ${command} `))
        for (const word of words) expect(stdout).toMatch(word)
        expect((yield* run(file, {}, ["-h"])).stdout).toBe(stdout)
      })
    )

    it.live("--version prints the version of the package", () =>
      Effect.map(run(file, {}, ["--version"]), ({ code, stderr, stdout }) =>
        expect([code, stderr, stdout]).toEqual([0, "", `effect-cache-toolkit ${version}\n`])
      )
    )

    it.live("rejects an option that it does not know: names it, prints how it is used, and ends with 2", () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* run(file, {}, ["--prot", "4000"])
        expect([code, stdout]).toEqual([2, ""])
        expect(stderr).toMatch(/^unknown [^\n]*--prot/i)
        expect(stderr).toContain(`\n\nUsage: ${command} `)
      })
    )
  })
}
