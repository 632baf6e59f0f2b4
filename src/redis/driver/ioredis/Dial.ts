/**
 * Dials one connection: the socket, the login, the database, and a PING to the configured user.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as RedisConfig from "../../RedisConfig.js"
import * as DialFailure from "../dial/DialFailure.js"
import * as Login from "../dial/Login.js"
import * as SocketTarget from "../dial/SocketTarget.js"
import * as Failure from "./Failure.js"
import * as Library from "./Library.js"

/** A client that is connected and logged in. */
export interface Dialled extends Library.Client {
  /** the protocol of its replies: RESP3 where server and ioredis have it */
  readonly isResp3: boolean
}

/** The connection lives as long as the scope. `isResp3Wanted` is false for a connection whose replies are the same in RESP2. */
export const make = (
  library: Library.Library,
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.Duration,
  isResp3Wanted: boolean
): Effect.Effect<Dialled, Login.DialError, Scope.Scope> => {
  const said = RedisConfig.describe(address)
  return Effect.gen(function* () {
    yield* DialFailure.ofAddress(address)
    const client = yield* Library.make(library, yield* SocketTarget.make(address))
    yield* Effect.mapError(Library.connect(client), () => Failure.ofEnd(said, client.firstError()))
    const hello = yield* Login.run({
      address,
      isResp3Wanted: isResp3Wanted && Library.readsResp3(client),
      send: (command, args) =>
        Effect.tryPromise({ try: () => Library.send(library, client, command, args), catch: (cause) => cause }),
      replyOf: Failure.replyOf,
      endOf: (cause) => Failure.ofEnd(said, client.firstError() ?? cause)
    })
    // a map shows that this ioredis has read the reply as RESP3
    return { ...client, isResp3: hello !== undefined && !Array.isArray(hello) }
  }).pipe(Login.reporting(address, connectTimeout))
}
