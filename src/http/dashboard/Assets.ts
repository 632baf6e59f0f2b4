/**
 * The files of the page. They are files of the package, and none of them needs another host. uPlot is vendored with its
 * licence; a test compares it with the npm package.
 *
 * @since 0.2.0
 */
import { readFileSync } from "node:fs"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** Nothing is loaded from, sent to or shown in another host, and no script stands in the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const headers = {
  "cache-control": "no-cache",
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

const read = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), "utf8")

const typeOf = (name: string): string => (name.endsWith(".css") ? "text/css" : "text/javascript")

const file = (name: string) =>
  [name, HttpServerResponse.text(read(name), { contentType: `${typeOf(name)}; charset=utf-8`, headers })] as const

/**
 * Reads the page for a path, and the files below the path. Throws where the package lacks a file.
 *
 * @since 0.2.0
 * @category constructors
 */
export const load = (path: string) => ({
  // relative, so that the page also works behind a proxy that adds a prefix
  page: HttpServerResponse.text(read("index.html").replaceAll("{{folder}}", path.replace(/^.*\//, "")), {
    contentType: "text/html; charset=utf-8",
    headers
  }),
  files: ["dashboard.js", "settings.js", "dashboard.css", "uPlot.iife.min.js", "uPlot.min.css"].map(file)
})
