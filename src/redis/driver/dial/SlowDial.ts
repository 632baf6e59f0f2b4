/**
 * Ends a dial that can only time out, and says why: a server without TLS never answers the beginning of TLS, and Bun's client
 * waits for a name that does not resolve. What a driver does not say is looked up while a dial is slow.
 *
 * @internal
 */
import { lookup } from "node:dns/promises"
import * as net from "node:net"
import * as Effect from "effect/Effect"
import * as RedisConfig from "../../RedisConfig.js"
import { RedisConnectError } from "../../RedisError.js"
import * as DialFailure from "./DialFailure.js"
import * as SecondLook from "./SecondLook.js"

/** A dial within a data centre takes a tenth of it, so that most dials are never looked at. */
const slowMillis = 250

/** So much longer may a dial take whose name has just failed to resolve: it may have resolved before. */
const resolvedMillis = 1000

/** The first byte of a record of TLS that says that something is wrong, as the answer to plain text. */
const tlsAlert = 0x15

const notTls = (address: RedisConfig.RedisAddress): Effect.Effect<void, RedisConnectError> =>
  Effect.flatMap(SecondLook.plainAnswer(address), (answer) =>
    answer === undefined || answer[0] === tlsAlert
      ? Effect.void
      : Effect.fail(
          new RedisConnectError({
            reason: "Tls",
            address: RedisConfig.describe(address),
            detail: DialFailure.speaksNoTls
          })
        )
  )

const notResolved = (address: RedisConfig.RedisAddress, host: string): Effect.Effect<void, RedisConnectError> =>
  Effect.tryPromise({
    try: () => lookup(host),
    catch: (cause) =>
      DialFailure.ofSocket(RedisConfig.describe(address), DialFailure.codeOf(cause), DialFailure.messageOf(cause))
  }).pipe(
    Effect.asVoid,
    Effect.catchAll((failure) =>
      failure.reason === "HostNotFound" ? Effect.delay(Effect.fail(failure), resolvedMillis) : Effect.void
    )
  )

/** Fails with the cause, where there is one that a dial does not find. */
const cause = (address: RedisConfig.RedisAddress): Effect.Effect<never, RedisConnectError> => {
  const { host = RedisConfig.defaultHost, path, tls } = address
  const isNamed = path === undefined && net.isIP(host) === 0
  return Effect.sleep(slowMillis).pipe(
    Effect.zipRight(isNamed ? notResolved(address, host) : Effect.void),
    Effect.zipRight(tls === undefined ? Effect.void : notTls(address)),
    Effect.zipRight(Effect.never)
  )
}

/** The dial of an address, which fails as soon as it is known that it cannot succeed. */
export const explained =
  (address: RedisConfig.RedisAddress) =>
  <A, E, R>(dial: Effect.Effect<A, E, R>): Effect.Effect<A, E | RedisConnectError, R> =>
    address.path === undefined ? Effect.raceFirst(dial, cause(address)) : dial
