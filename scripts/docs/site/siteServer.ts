/** Serves the built site on a free port of this machine, as a server of static files does. */
import { createReadStream } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { extname } from "node:path"
import * as Effect from "effect/Effect"
import { type BuiltSite, fileOf } from "./builtSite.js"

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2"
}

/** The origin of the server, which ends with the scope. */
export const serve = (site: BuiltSite) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((request, response) => {
          const file = fileOf(site, decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname))
          if (file === undefined) {
            response.writeHead(404).end()
            return
          }
          response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" })
          createReadStream(file).pipe(response)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  )
