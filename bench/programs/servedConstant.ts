/**
 * A server of the toolkit's HTTP contract on the platform's own router, encoding and server. The handler of profiles answers
 * a constant, and nothing wraps it: what the platform itself needs for a request.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { UserProfile } from "../../src/game/Player.js"
import { Api } from "../../src/http/contract/Api.js"
import { Authorization } from "../../src/http/contract/Authorization.js"

const { createdAt, displayName, id, username } = Schema.decodeSync(Schema.parseJson(UserProfile))(
  process.env.PROFILE ?? ""
)

const unused = () => Effect.dieMessage("the benchmark asks for profiles only")

const groups = Layer.mergeAll(
  HttpApiBuilder.group(Api, "health", (handlers) =>
    handlers
      .handle("alive", unused)
      .handle("live", unused)
      .handle("ready", unused)
      .handle("startup", unused)
      .handle("detailed", unused)
  ),
  HttpApiBuilder.group(Api, "users", (handlers) =>
    handlers
      .handle("profile", () => Effect.succeed({ id, username, displayName, createdAt }))
      .handle("create", unused)
      .handle("updateProfile", unused)
      .handle("balance", unused)
      .handle("updateBalance", unused)
      .handle("stats", unused)
      .handle("recordGame", unused)
      .handle("dailyBonus", unused)
      .handle("warmCache", unused)
      .handle("invalidateCache", unused)
  ),
  HttpApiBuilder.group(Api, "leaderboards", (handlers) => handlers.handle("top", unused).handle("rank", unused)),
  HttpApiBuilder.group(Api, "games", (handlers) =>
    handlers.handle("start", unused).handle("state", unused).handle("end", unused)
  ),
  HttpApiBuilder.group(Api, "counters", (handlers) =>
    handlers.handle("read", unused).handle("online", unused).handle("offline", unused)
  ),
  HttpApiBuilder.group(Api, "cache", (handlers) => handlers.handle("stats", unused))
)

const server = HttpApiBuilder.serve().pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(groups),
  Layer.provide(Layer.succeed(Authorization, { bearer: () => Effect.void }))
)

const announce = HttpServer.addressFormattedWith((address) => Console.log(`listening on ${address}`))

Layer.effectDiscard(announce).pipe(
  Layer.provide(server),
  Layer.provide(BunHttpServer.layer({ hostname: "127.0.0.1", port: 0, development: false })),
  Layer.launch,
  BunRuntime.runMain
)
