/** Which versions of Effect are accepted. scripts/checkInstall.sh loads the package beside an older and a newer one. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { mismatch } from "../../src/internal/EffectVersion.js"
import { root } from "../support/root.js"

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

describe("the version of Effect", () => {
  it.each(["3.22.0", "3.22.4", "3.23.0", "3.100.1", "3.22.1-snapshot.1"])("%s is accepted", (found) => {
    expect(mismatch(found)).toBeUndefined()
  })

  it.each(["2.4.0", "3.0.0", "3.16.12", "3.21.9", "4.0.0-beta.1", "4.1.0", "4.22.0", "none"])(
    "%s is rejected by a message with the peer range, the version and the command",
    (found) => {
      expect(mismatch(found)).toBe(
        `effect-cache-toolkit needs effect ${manifest.peerDependencies.effect}, and found effect ${found}. ` +
          "Install it: npm install effect@3.22 (or pnpm add, yarn add, bun add)"
      )
    }
  )
})
