/** The pages of the repository: links that lead somewhere, and a sidebar that lists every page of docs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { guide } from "../../../docs/.vitepress/sidebar.js"
import { anchorsOf } from "../../../scripts/docs/markdown/headings.js"
import { linkProblems, linksOf, markdownFiles } from "../../../scripts/docs/markdown/links.js"
import { repository } from "../../../scripts/docs/packageManifest.js"
import { root } from "../../support/root.js"

/** The problems of the links of `page.md` in a folder with these files. */
const problemsOf = (page: string, others: Readonly<Record<string, string>> = {}): ReadonlyArray<string> => {
  const folder = mkdtempSync(join(tmpdir(), "links-"))
  try {
    for (const [path, text] of Object.entries({ "page.md": page, ...others })) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return linkProblems({ root: folder, repository: "https://github.com/owner/name" }, "page.md")
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("a link", () => {
  it("to a file that is missing is found, with its line", () => {
    const page = "# Title\n\n[there](a.md), [not there](b.md), ![a picture](c.png)\n"
    expect(problemsOf(page, { "a.md": "" })).toEqual(["page.md:3: there is no b.md", "page.md:3: there is no c.png"])
  })

  it("to a heading is compared with the headings of its page, which are numbered where they repeat", () => {
    const target = "# The `get` of a cache\n\n## Options: all\n## Options: all\n\n```md\n## Code\n```\n"
    const page =
      "[1](a.md#the-get-of-a-cache) [2](a.md#options-all-1) [3](a.md#options-all-2)\n[4](a.md#code) [5](#none)"
    expect(problemsOf(page, { "a.md": target })).toEqual([
      "page.md:1: a.md has no heading for #options-all-2",
      "page.md:2: a.md has no heading for #code",
      "page.md:2: page.md has no heading for #none"
    ])
  })

  it("to a line of a file is compared with the length of the file", () => {
    expect(problemsOf("[1](a.ts#L2) [2](a.ts#L9)", { "a.ts": "1\n2\n" })).toEqual(["page.md:1: a.ts has no L9"])
  })

  it("to a file of the own repository is checked, and one to another site is not", () => {
    const page = "[1](https://github.com/owner/name/blob/main/none.ts) [2](https://example.com/none)"
    expect(problemsOf(page)).toEqual(["page.md:1: there is no none.ts"])
  })

  it("that begins with a slash would be dead on GitHub", () => {
    expect(problemsOf("[1](/a)", { "docs/a.md": "" })).toEqual([
      "page.md:1: /a works on the site alone: make it relative"
    ])
  })

  it("inside of code is none", () => {
    expect(
      linksOf("`[1](a)`\n\n```md\n[2](b)\n```\n\n<!-- [3](c) -->\n[`4`](d)\n").map(({ target }) => target)
    ).toEqual(["d"])
  })
})

describe("an anchor", () => {
  it("is made of a heading as GitHub makes it", () => {
    const page = '# `a.b(c)`: x & y_z\n## Größe [of a](b.md) - thing\n<a id="own"></a>\n'
    expect([...anchorsOf(page)]).toEqual(["abc-x--y_z", "größe-of-a---thing", "own"])
  })
})

const files = markdownFiles(root)
const pages = files.filter((path) => path.startsWith("docs/") && path !== "docs/index.md")

describe("the pages of the repository", () => {
  it("have no link that leads nowhere", () => {
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "CHANGELOG.md", "docs/keys.md", "examples/node/README.md"])
    )
    expect(files.flatMap((file) => linkProblems({ root, repository }, file))).toEqual([])
  })

  it("are in one group of the sidebar each", () => {
    const listed = guide.flatMap((group) => [group, ...(group.items ?? [])]).flatMap(({ link }) => link ?? [])
    const pageOf = (link: string) => `docs${link.endsWith("/") ? `${link}README` : link}.md`
    expect(listed.map(pageOf).toSorted()).toEqual(pages.toSorted())
  })
})
