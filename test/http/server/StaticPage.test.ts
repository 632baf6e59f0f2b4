import { createHash } from "node:crypto"
import { gunzipSync } from "node:zlib"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

const plain = { "accept-encoding": "identity" }

layer(TestServer.layer(services()))("the docs page", (it) => {
  it.effect("runs only the scripts that stand in it, and no other page may frame it", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* TestServer.get("/docs", plain)
      const policy = headers.get("content-security-policy") ?? ""
      const scripts = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = ""]) => script)
      expect(scripts).toHaveLength(1)
      for (const script of scripts) {
        expect(policy).toContain(`'sha256-${createHash("sha256").update(script).digest("base64")}'`)
      }
      expect(policy).toMatch(/default-src 'none'; .*frame-ancestors 'none'/)
      expect(policy).not.toMatch(/script-src[^;]*unsafe|https?:|\*/)
      expect(headers.get("x-frame-options")).toBe("DENY")
      expect(headers.get("x-content-type-options")).toBe("nosniff")
    })
  )

  it.effect("is sent compressed to clients that accept it, and whole to other clients", () =>
    Effect.gen(function* () {
      const raw = (accept: string) =>
        TestServer.raw(
          `GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: ${accept}\r\n\r\n`
        )
      const whole = yield* TestServer.get("/docs", plain)
      for (const accept of ["gzip", "deflate, gzip;q=0.5", "*", "br;q=1, GZIP ; q=1.0"]) {
        const answer = yield* raw(accept)
        const [head = "", body = ""] = answer.split(/\r\n\r\n(.*)/s)
        expect([accept, head]).toEqual([accept, expect.stringMatching(/content-encoding: gzip/i)])
        expect(head).toMatch(/vary: accept-encoding/i)
        expect(body.length).toBeLessThan(whole.text.length / 2)
        expect(gunzipSync(Buffer.from(body, "latin1")).toString()).toBe(whole.text)
      }
      for (const accept of ["identity", "gzip;q=0", "gzip; q=0.00, deflate", "br", ""]) {
        expect([accept, yield* raw(accept)]).not.toEqual([accept, expect.stringMatching(/content-encoding: gzip/i)])
      }
    })
  )

  it.effect("is not sent again to clients that have it", () =>
    Effect.gen(function* () {
      for (const encoding of ["gzip", "identity"]) {
        const headers = { "accept-encoding": encoding }
        const etag = (yield* TestServer.get("/docs", headers)).headers.get("etag") ?? ""
        expect(etag).toMatch(/^"[^"]+"$/)
        for (const known of [etag, `W/${etag}`, `"old", ${etag}`, "*"]) {
          const again = yield* TestServer.get("/docs", { ...headers, "if-none-match": known })
          expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag])
          expect(again.headers.get("cache-control")).toBe("no-cache")
        }
        expect((yield* TestServer.get("/docs", { ...headers, "if-none-match": `"old"` })).status).toBe(200)
      }
    })
  )
})
