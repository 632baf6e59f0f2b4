/** The handlers of docs/recipes answer, and its manifests name what the server has. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { OpenApi } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { GET } from "../../examples/docs/recipes/next.js"
import { Api } from "../../src/http/contract/Api.js"
import { root } from "../support/root.js"
import { serve } from "./support/program.js"

const page = (name: string) => readFileSync(join(root, "docs", "recipes", `${name}.md`), "utf8")
const start = (name: string) => serve(join("examples", "docs", "recipes", `${name}.ts`))

const request = (url: string, init?: RequestInit) =>
  Effect.promise(async () => {
    const response = await fetch(url, { ...init, headers: { connection: "close", ...init?.headers } })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : text }
  })

describe("the recipe", () => {
  it.scopedLive("for Express answers from its cache, sees a change, and ends on SIGTERM", () =>
    Effect.gen(function* () {
      const { end, url } = yield* start("express")
      expect((yield* request(`${url}/articles/7`)).body).toEqual({ id: 7, title: "Snow", source: "Lookup" })
      expect((yield* request(`${url}/articles/7`)).body.source).toMatch(/Local|Redis/)
      expect((yield* request(`${url}/articles/7/Rain`, { method: "PUT" })).status).toBe(204)
      expect((yield* request(`${url}/articles/7`)).body).toMatchObject({ title: "Rain", source: "Lookup" })
      expect((yield* request(`${url}/articles/8`)).status).toBe(404)
      expect((yield* request(`${url}/articles/seven`)).status).toBe(400)
      expect(yield* end).toBe(0)
    })
  )

  it.scopedLive("for Hono answers from its cache, and limits each client", () =>
    Effect.gen(function* () {
      const { end, url } = yield* start("hono")
      const read = (id: string, key: string) => request(`${url}/articles/${id}`, { headers: { "x-api-key": key } })
      expect((yield* read("7", "ada")).body).toEqual({ id: 7, title: "Snow", source: "Lookup" })
      expect((yield* read("8", "ada")).status).toBe(404)
      const others = yield* Effect.replicateEffect(read("7", "ada"), 4)
      expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 429])
      expect(Number(others[3]?.headers.get("retry-after"))).toBeGreaterThan(0)
      expect((yield* read("seven", "grace")).status).toBe(400)
      expect(yield* end).toBe(0)
    })
  )

  it.live("for Next answers a route as Next calls it", () =>
    Effect.gen(function* () {
      const call = (id: string) =>
        Effect.promise(() => GET(new Request(`http://localhost/articles/${id}`), { params: Promise.resolve({ id }) }))
      const first = yield* call("7")
      expect(yield* Effect.promise(() => first.json())).toEqual({ id: 7, title: "Snow", source: "Lookup" })
      expect((yield* call("8")).status).toBe(404)
      expect((yield* call("seven")).status).toBe(400)
    })
  )
})

describe("the manifests of the recipes", () => {
  const blocks = ["kubernetes", "coolify"].flatMap((name) =>
    [...page(name).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text)
  )
  const text = blocks.join("\n")

  it("are YAML", () => {
    expect(blocks.length).toBe(3)
    const documents = blocks.flatMap((block) => block.split(/^---$/m)).map((document) => Bun.YAML.parse(document))
    const kinds = documents.map((document) => (document as { readonly kind?: string }).kind)
    expect(kinds.filter((kind) => kind === "Deployment").length).toBe(2)
  })

  it("name probes that the server answers", () => {
    const paths = Object.keys(OpenApi.fromApi(Api).paths)
    const probes = [...text.matchAll(/path: (\/\S+?),/g)].map(([, path = ""]) => path)
    expect(probes.length).toBe(3)
    expect(probes.filter((path) => !paths.includes(path))).toEqual([])
  })

  it("set variables that the server reads", () => {
    const offered = readFileSync(join(root, ".env.example"), "utf8")
    const names = [...text.matchAll(/(?:\bname: ([A-Z][A-Z_]+),|^ {6}([A-Z][A-Z_]+):)/gm)].map(
      ([, a, b]) => a ?? b ?? ""
    )
    expect(names.length).toBeGreaterThan(8)
    expect(names.filter((name) => !new RegExp(`^(# )?${name}=`, "m").test(offered))).toEqual([])
  })
})
