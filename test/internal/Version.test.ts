import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { version } from "../../src/internal/Version.js"
import { root } from "../support/root.js"

it("the version in the code is that of package.json", () => {
  const packaged = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }
  expect(version).toBe(packaged.version)
})
