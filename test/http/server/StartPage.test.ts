import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { version } from "../../../src/internal/Version.js"
import { services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

/** As Firefox and Chromium send it. */
const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" }

layer(TestServer.layer(services()))("GET /", (it) => {
  it.effect("is a page for a browser, whose links lead to the docs, the dashboard and what else there is", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* TestServer.get("/", browser)
      expect(status).toBe(200)
      expect(headers.get("content-type")).toBe("text/html; charset=utf-8")
      expect(headers.get("vary")).toBe("accept")
      expect(text).toContain(version)
      const links = [...text.matchAll(/<a href="([^"]+)"/g)].map(([, href = ""]) => href)
      expect(links).toEqual(expect.arrayContaining(["docs", "dashboard", "metrics", "api/health"]))
      for (const href of links) {
        const answer = yield* TestServer.get(new URL(href, "http://localhost/").pathname)
        expect([href, answer.status]).toEqual([href, 200])
      }
    })
  )

  it.effect("runs no script, loads nothing and shows its style", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* TestServer.get("/", browser)
      const policy = headers.get("content-security-policy") ?? ""
      expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';.* frame-ancestors 'none'$/)
      const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? ""
      expect(policy).toContain(new Bun.CryptoHasher("sha256").update(style).digest("base64"))
      expect(text).not.toMatch(/<script|https?:\/\//)
    })
  )

  it.effect("is JSON for a program, with the same links", () =>
    Effect.gen(function* () {
      for (const accept of ["*/*", "application/json", "text/html;q=0, */*", ""]) {
        const { headers, json, status } = yield* TestServer.get("/", { accept })
        expect([accept, status, headers.get("content-type")]).toEqual([accept, 200, "application/json"])
        const { links, ...rest } = json as { readonly links: Record<string, string> }
        expect(rest).toEqual({ name: "effect-cache-toolkit", version })
        expect(links).toMatchObject({ docs: "/docs", dashboard: "/dashboard" })
        for (const path of Object.values(links))
          expect([path, (yield* TestServer.get(path)).status]).toEqual([path, 200])
      }
    })
  )

  it.effect("answers HEAD too, and rejects other methods with the allowed ones", () =>
    Effect.gen(function* () {
      expect((yield* TestServer.request("HEAD", "/")).status).toBe(200)
      const rejected = yield* TestServer.request("POST", "/")
      expect([rejected.status, rejected.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"])
    })
  )
})
