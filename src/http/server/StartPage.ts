/**
 * Serves `GET /`, which leads to the docs, the dashboard, the metrics and the health: a page for a browser, JSON for others.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { version } from "../../internal/Version.js"

/** Relative, so that they also lead somewhere behind a proxy that adds a prefix. */
const links = [
  ["docs", "docs", "the API: its requests, responses and errors, to try"],
  ["dashboard", "dashboard", "the caches and the connection as they work; asks for the API token"],
  ["openapi", "api/openapi.json", "the API as an OpenAPI document"],
  ["health", "api/health", "whether the process serves; api/health/detailed says how Redis and the database are"],
  ["metrics", "metrics", "metrics for Prometheus"]
] as const

const style = `:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
dd { margin: 0 0 1rem }`

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>effect-cache-toolkit</title>
    <link rel="icon" href="data:,">
    <style>${style}</style>
  </head>
  <body>
    <h1>effect-cache-toolkit</h1>
    <p>Version ${version}</p>
    <dl>
${links.map(([name, path, about]) => `      <dt><a href="${path}">${name}</a></dt>\n      <dd>${about}</dd>`).join("\n")}
    </dl>
  </body>
</html>
`

const common = { "cache-control": "no-cache", vary: "accept" }

const page = HttpServerResponse.text(html, {
  contentType: "text/html; charset=utf-8",
  headers: { ...common, "content-security-policy": policy }
})

const summary = HttpServerResponse.unsafeJson(
  {
    name: "effect-cache-toolkit",
    version,
    links: Object.fromEntries(links.map(([name, path]) => [name, `/${path}`]))
  },
  { headers: common }
)

/** Browsers name `text/html`, and programs do not. */
const isForBrowser = (accept = ""): boolean => /\btext\/html\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accept)

/**
 * Answers `GET /`.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<never> = HttpApiBuilder.Router.use((router) =>
  router.get(
    "/",
    Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) => (isForBrowser(headers.accept) ? page : summary))
  )
)
