import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { root } from "../support/root.js"
import { run } from "./support/program.js"

/** What each example prints, in this order. */
const examples: Record<string, ReadonlyArray<RegExp>> = {
  "quickstart.ts": [/Lookup Redis/, /Gothenburg/],
  "cache-aside.ts": [
    /at first: Ada \(Lookup\) has 0 \(Lookup\)/,
    /again: Ada \(Redis\) has 0 \(Redis\)/,
    /after a write-through: Ada \(Redis\) has 250 \(Redis\)/,
    /after an invalidation: Countess \(Lookup\) has 250 \(Redis\)/,
    /without Redis: Countess \(Degraded\) has 250 \(Degraded\)/
  ],
  "rate-limit.ts": [/ada may try, 2 left/, /ada may try, 0 left/, /ada has to wait \d+ s/, /grace may try, 2 left/],
  "lock.ts": [
    /first leads round 1/,
    /third goes without/,
    /first is done/,
    /second leads round 2/,
    /second is done/,
    /too late: a later holder of its lock has written the game/,
    /the game is at round 2/
  ],
  "demo.ts": [/Everything went as it should/]
}

describe("the examples", () => {
  it("are all run here", () => {
    const files = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"))
    expect(files.sort()).toEqual(Object.keys(examples).sort())
  })

  for (const [file, lines] of Object.entries(examples)) {
    it.live(`${file} runs alone and prints what it promises`, () =>
      Effect.gen(function* () {
        const { code, output } = yield* run(join("examples", file))
        expect(output).toMatch(new RegExp(lines.map((line) => line.source).join("[\\s\\S]*")))
        expect(code).toBe(0)
      })
    )
  }
})
