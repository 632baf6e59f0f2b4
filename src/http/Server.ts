/**
 * The API on the platform's router, with its docs page.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Prometheus from "../telemetry/Prometheus.js"
import { Api } from "./contract/Api.js"
import * as Dashboard from "./dashboard/Dashboard.js"
import * as CacheHttp from "./handlers/CacheHttp.js"
import * as CountersHttp from "./handlers/CountersHttp.js"
import * as DatabaseFailures from "./handlers/DatabaseFailures.js"
import * as GamesHttp from "./handlers/GamesHttp.js"
import * as HealthHttp from "./handlers/HealthHttp.js"
import * as LeaderboardsHttp from "./handlers/LeaderboardsHttp.js"
import * as UsersHttp from "./handlers/UsersHttp.js"
import * as Problems from "./middleware/Problems.js"
import * as RequestedHost from "./middleware/RequestedHost.js"
import * as RequestLimit from "./middleware/RequestLimit.js"
import * as RequestPacing from "./middleware/RequestPacing.js"
import * as ResponseHeaders from "./middleware/ResponseHeaders.js"
import * as Docs from "./server/Docs.js"
import * as Spans from "./server/Spans.js"
import * as StartPage from "./server/StartPage.js"
import { ApiToken } from "./token/ApiToken.js"

const dashboard = Layer.unwrapEffect(
  Effect.map(ApiToken, ({ check }) =>
    Dashboard.layer(HttpApiBuilder.Router, { token: (request) => check(request) === "Right" })
  )
)

const groups = Layer.mergeAll(
  HealthHttp.layer,
  UsersHttp.layer,
  LeaderboardsHttp.layer,
  GamesHttp.layer,
  CountersHttp.layer,
  CacheHttp.layer
).pipe(Layer.provide(DatabaseFailures.layer))

// the default limit would answer 404 to a longer id, where 400 is right
const routerConfig = HttpRouter.setRouterConfig({ maxParamLength: Number.MAX_SAFE_INTEGER })

// without a token, as Prometheus reads it: names of caches and addresses of servers, and no key
const metrics = Prometheus.layer({ router: HttpApiBuilder.Router, serviceName: "effect-cache-toolkit" })

// the last layer runs first: a client over its limit is rejected before its body is read
const middleware = RequestPacing.layer.pipe(
  Layer.provide(ResponseHeaders.layer),
  Layer.provide(RequestedHost.layerConfig),
  Layer.provide(RequestLimit.layerConfig),
  Layer.provide(Problems.layer)
)

/**
 * Serves the API on an `HttpServer`. Needs the services that the handlers call, `Authorization` and `ApiToken`. Fails with a
 * `ConfigError` that names the variable whose value is wrong.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = Spans.whereRecorded(HttpApiBuilder.serve()).pipe(
  Layer.provide([StartPage.layer, Docs.layer, dashboard, metrics, middleware]),
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(groups),
  Layer.provide(RequestPacing.turns),
  Layer.provide(routerConfig)
)
