/** The workflows say when they run, with which rights and on what; a version is published only when it is complete. */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { root } from "../support/root.js"

const Step = Schema.Struct({ uses: Schema.optional(Schema.String), run: Schema.optional(Schema.String) })
const Job = Schema.Struct({
  "runs-on": Schema.String,
  if: Schema.optional(Schema.String),
  permissions: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  steps: Schema.Array(Step)
})
const Workflow = Schema.Struct({
  name: Schema.String,
  on: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  permissions: Schema.Record({ key: Schema.String, value: Schema.String }),
  jobs: Schema.Record({ key: Schema.String, value: Job })
})

const folder = join(root, ".github", "workflows")
const workflow = (name: string) =>
  Schema.decodeUnknownSync(Workflow)(Bun.YAML.parse(readFileSync(join(folder, name), "utf8")))
const commandsOf = (job: typeof Job.Type | undefined) => job?.steps.flatMap(({ run }) => run ?? []) ?? []

describe("a workflow", () => {
  it.each(readdirSync(folder))("%s may only read, but for what one of its jobs says", (name) => {
    expect(workflow(name).permissions).toEqual({ contents: "read" })
  })

  it.each(readdirSync(folder))("%s runs scripts that are there and can be executed", (name) => {
    const scripts = Object.values(workflow(name).jobs)
      .flatMap(commandsOf)
      .filter((command) => /^(\.ci|scripts)\//.test(command))
    expect(scripts.length).toBeGreaterThan(0)
    for (const script of scripts) execFileSync("test", ["-x", join(root, script)])
  })

  it("ci.yml runs .ci/run for each push to main and each pull request", () => {
    const { jobs, on } = workflow("ci.yml")
    expect(on).toEqual({ push: { branches: ["main"] }, pull_request: null })
    expect(commandsOf(jobs.ci)).toEqual([".ci/run"])
  })

  it("release.yml is started by a maintainer alone, and publishes with provenance after CI has passed", () => {
    const { jobs, on } = workflow("release.yml")
    expect(Object.keys(on)).toEqual(["workflow_dispatch"])
    expect(jobs.publish?.if).toBe("github.ref == 'refs/heads/main'")
    expect(jobs.publish?.permissions).toEqual({ contents: "write", "id-token": "write" })
    const commands = commandsOf(jobs.publish)
    expect(commands.slice(0, 2)).toEqual(["scripts/checkRelease.sh", ".ci/run"])
    expect(commands[2]).toMatch(/^npm publish --provenance /)
  })
})

describe("scripts/checkRelease.sh", () => {
  /** Runs it in a folder with this changelog and these changesets, for version 1.2.3. */
  const check = (changelog: string, changesets: ReadonlyArray<string> = []) => {
    const copy = mkdtempSync(join(tmpdir(), "release-"))
    try {
      mkdirSync(join(copy, "scripts"))
      mkdirSync(join(copy, ".changeset"))
      cpSync(join(root, "scripts", "checkRelease.sh"), join(copy, "scripts", "checkRelease.sh"))
      writeFileSync(join(copy, "package.json"), JSON.stringify({ version: "1.2.3" }))
      writeFileSync(join(copy, "CHANGELOG.md"), changelog)
      for (const name of ["README.md", ...changesets]) writeFileSync(join(copy, ".changeset", name), "")
      const { status, stderr } = spawnSync(join(copy, "scripts", "checkRelease.sh"), { encoding: "utf8" })
      return { status, stderr }
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }

  it("accepts a version whose section of the changelog has a date", () => {
    expect(check("# Changelog\n\n## 1.2.3 (2027-01-31)\n\n## 1.2.2 (2027-01-01)\n")).toEqual({ status: 0, stderr: "" })
  })

  it.each(["## 1.2.3 (unreleased)", "## 1.2.3", "## 1.2.30 (2027-01-31)", "## 1x2.3 (2027-01-31)"])(
    "rejects a version whose section is headed %s",
    (heading) => {
      const { status, stderr } = check(`# Changelog\n\n${heading}\n`)
      expect(status).toBe(1)
      expect(stderr).toContain("no heading '## 1.2.3 (YYYY-MM-DD)'")
    }
  )

  it("rejects a version while a changeset waits, and names it", () => {
    const { status, stderr } = check("## 1.2.3 (2027-01-31)\n", ["brave-cats.md"])
    expect(status).toBe(1)
    expect(stderr).toContain(".changeset/brave-cats.md")
  })
})

describe("the package", () => {
  it("has the address of its repository, which provenance is compared with", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    expect(manifest.repository.url).toMatch(/^git\+https:\/\/github\.com\/[\w-]+\/effect-cache-toolkit\.git$/)
    expect(manifest.bugs).toContain("/effect-cache-toolkit/issues")
    expect(manifest.scripts.prepack).toBe("bun run build")
  })

  it("has the files that AGENTS.md and the README link", () => {
    for (const name of ["AGENTS.md", "CHANGELOG.md", "LICENSE"]) expect(existsSync(join(root, name))).toBe(true)
  })
})
