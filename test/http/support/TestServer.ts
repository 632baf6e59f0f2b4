import * as net from "node:net"
import * as HttpServer from "@effect/platform/HttpServer"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CacheService } from "../../../src/game/CacheService.js"
import type { Database } from "../../../src/game/Database.js"
import type { PlayerService } from "../../../src/game/PlayerService.js"
import * as Authorization from "../../../src/http/contract/Authorization.js"
import * as Server from "../../../src/http/Server.js"
import * as BunServer from "../../../src/http/server/BunServer.js"
import * as ApiToken from "../../../src/http/token/ApiToken.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"

export const token = "open-sesame"

/** The headers of the holder of the token. */
export const asHolder = { authorization: `Bearer ${token}` }

/** The whole API on a free port, over whatever services a test wants to see it with. */
export const layer = <E>(
  services: Layer.Layer<PlayerService | CacheService | Database | RedisClient, E>,
  settings: Record<string, string> = {}
) =>
  Server.layer.pipe(
    Layer.provideMerge(BunServer.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provide(Authorization.layer),
    Layer.provide(ApiToken.layerConfig),
    Layer.provide(services),
    Layer.provide(
      Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries({ API_TOKEN: token, ...settings }))))
    )
  )

export const port = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "TcpAddress" ? address.port : Number.NaN
)

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** Sent without the token, unless the headers hold it. */
export const request = (method: string, path: string, init: Omit<RequestInit, "method"> = {}) =>
  Effect.flatMap(port, (port) =>
    Effect.promise(async (signal): Promise<Answer> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal, ...init, method })
      const text = await response.text()
      const isJson = /json/.test(response.headers.get("content-type") ?? "")
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: isJson && text !== "" ? JSON.parse(text) : undefined
      }
    })
  )

export const get = (path: string, headers: Record<string, string> = {}) => request("GET", path, { headers })

/** Sent by the holder of the token, unless the headers say otherwise. */
export const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  request(method, path, {
    headers: { ...asHolder, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body)
  })

/** As `send`, without a body. */
export const act = (method: string, path: string) => request(method, path, { headers: asHolder })

/** Sends bytes as they are, which `fetch` would normalise, and answers all that comes back. */
export const raw = (bytes: string) =>
  Effect.flatMap(port, (port) =>
    Effect.async<string>((resume) => {
      let received = ""
      const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"))
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1")
      })
      socket.on("error", () => resume(Effect.succeed(received)))
      socket.on("close", () => resume(Effect.succeed(received)))
      return Effect.sync(() => socket.destroy())
    })
  )
