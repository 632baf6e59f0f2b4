/**
 * Runs the server: assembles every layer that the environment configures. `main.ts` starts it.
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CacheService from "./game/CacheService.js"
import * as SqlDatabase from "./game/database/SqlDatabase.js"
import * as PlayerService from "./game/PlayerService.js"
import * as Authorization from "./http/contract/Authorization.js"
import * as HttpConfig from "./http/HttpConfig.js"
import * as Server from "./http/Server.js"
import * as BunServer from "./http/server/BunServer.js"
import * as Logging from "./http/server/Logging.js"
import * as ShutdownLog from "./http/server/ShutdownLog.js"
import { explain } from "./http/server/StartupError.js"
import * as ApiToken from "./http/token/ApiToken.js"
import * as BunRedis from "./redis/driver/BunRedis.js"
import * as RuntimeSettings from "./settings/RuntimeSettings.js"
import * as OpenTelemetry from "./telemetry/OpenTelemetry.js"

const announce = HttpServer.addressFormattedWith((address) =>
  Effect.logInfo(`HTTP: listening on ${address}, documented at ${address}/docs`)
)

const database = Layer.tap(SqlDatabase.layerConfig(), () =>
  Effect.flatMap(SqlDatabase.describeConfig, (description) => Effect.logInfo(`Database: ${description}`))
)

// read before any layer is built: a wrong HOST or PORT is reported before the program waits for a database or Redis
const settings = Config.all({ host: HttpConfig.host, port: HttpConfig.port, format: Logging.formatConfig })

// the server is built last and ends first: no request meets a closed database
const program = Layer.unwrapEffect(
  Effect.map(settings, ({ host, port }) =>
    Layer.merge(Layer.effectDiscard(announce), ShutdownLog.layer).pipe(
      Layer.provide(Server.layer),
      Layer.provide(BunServer.layer({ host, port, lastRequests: "250 millis" })),
      Layer.provide(Authorization.layer),
      Layer.provide(ApiToken.layerConfig),
      Layer.provide(PlayerService.layer),
      Layer.provide(CacheService.layerConfig),
      Layer.provide(RuntimeSettings.layer),
      Layer.provide([database, BunRedis.layerConfig({ embeddedWhenUnset: true, startTimeout: "1 second" })]),
      Layer.provide(OpenTelemetry.layer({ serviceName: "effect-cache-toolkit" })),
      Layer.provide(Logging.level)
    )
  )
)

program.pipe(
  Layer.launch,
  Effect.tapError((error) => Effect.logFatal(`The server did not start. ${explain(error)}`)),
  Effect.tapDefect((cause) => Effect.logFatal("The server ended in a defect", cause)),
  Effect.provide(Logging.format),
  BunRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
