/**
 * Listens with Bun's server, and ends it as `DrainingServer` does.
 *
 * @since 0.2.0
 */
import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as DrainingServer from "../router/DrainingServer.js"
import * as BunListener from "./BunListener.js"
import { FastPath } from "./FastPath.js"
import * as StartupError from "./StartupError.js"

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

/** Bun says of a name that does not resolve that its port is in use. */
const notResolved = (host: string): Effect.Effect<unknown> =>
  isIP(host) === 0
    ? Effect.promise(() =>
        lookup(host).then(
          () => undefined,
          (cause: unknown) => cause
        )
      )
    : Effect.succeed(undefined)

const listen = ({ host, port }: Options) =>
  Effect.suspend(() => {
    OptionCheck.make("HTTP server").wholeNumber("port", port, { least: 0, most: 65_535 })
    return BunListener.make({ hostname: host, port, idleTimeout }).pipe(
      Effect.catchAllDefect((defect) =>
        Effect.flatMap(
          notResolved(host),
          (cause = defect) => new HttpServerError.ServeError({ cause: StartupError.listenFailure(host, port, cause) })
        )
      )
    )
  })

/** A server that ends takes the fast path no more: only the app's responses close their connections. */
const drained = ({ guard, listener }: DrainingServer.Guarded<BunListener.BunListener>) => {
  const admission: BunListener.Admission = {
    begin: () => {
      if (guard.hasBegun()) return false
      guard.begin()
      return true
    },
    end: guard.end
  }
  return FastPath.of({ serve: (handle) => Scope.extend(listener.serveFast(handle, admission), guard.requests) })
}

/**
 * Starts the server. Fails with `ServeError` when it cannot listen on the address. An option that cannot be right is a
 * defect.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options) =>
  Effect.map(DrainingServer.makeGuarded(listen(options), options), (guarded) =>
    Object.assign(guarded.server, { fastPath: drained(guarded) })
  )

/**
 * Adds the platform services that a router needs, and the fast path. No route serves a file or takes one, so the services of
 * Bun, which load node's terminal and its workers, are not among them.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options) =>
  Layer.merge(
    Layer.scopedContext(
      Effect.map(make(options), (server) =>
        Context.make(HttpServer.HttpServer, server).pipe(
          Context.add(DrainingServer.Drain, server.drain),
          Context.add(FastPath, server.fastPath)
        )
      )
    ),
    HttpServer.layerContext
  )
