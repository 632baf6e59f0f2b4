/**
 * Listens with Bun's server, and ends it as `DrainingServer` does.
 *
 * @since 0.2.0
 */
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as DrainingServer from "../router/DrainingServer.js"

/**
 * The address to listen on, and the times of the server's end.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends DrainingServer.Options {
  readonly host: string
  /** 0 takes any free port */
  readonly port: number
}

/**
 * Seconds without a byte after which Bun closes a connection, even while its request runs: longer than a database may
 * take.
 */
const idleTimeout = 30

const listen = ({ host, port }: Options) =>
  Effect.suspend(() => {
    OptionCheck.make("HTTP server").wholeNumber("port", port, { least: 0, most: 65_535 })
    // `development: false` keeps source code out of error pages; Bun then shares the port by default, which `reusePort` forbids
    return BunHttpServer.make({
      hostname: host,
      port,
      development: false,
      reusePort: false,
      idleTimeout
    }).pipe(Effect.catchAllDefect((cause) => new HttpServerError.ServeError({ cause })))
  })

/**
 * Starts the server. Fails with `ServeError` when it cannot listen on the address. An option that cannot be right is a
 * defect.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options) => DrainingServer.make(listen(options), options)

/**
 * Adds the platform services that a router needs.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options) =>
  Layer.merge(DrainingServer.layer(listen(options), options), BunHttpServer.layerContext)
