/**
 * Answers some requests before the router of the platform, which costs a request more than a read from a cache.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Answers a request, or leaves it to the router: at once by `undefined`, or by an effect of `undefined`. The client's end, and
 * that of the server, interrupt the effect. The router also answers a request whose effect dies.
 *
 * @since 0.2.0
 * @category models
 */
export type Handle = (request: Request) => Effect.Effect<Response | undefined> | undefined

/**
 * A server with a fast path.
 *
 * @since 0.2.0
 * @category services
 */
export class FastPath extends Context.Tag("effect-cache-toolkit/http/FastPath")<FastPath, FastPath.Service>() {}

/**
 * @since 0.2.0
 */
export declare namespace FastPath {
  /**
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Puts a handler before the router until the scope ends. A later one replaces it. */
    readonly serve: (handle: Handle) => Effect.Effect<void, never, Scope.Scope>
  }
}
