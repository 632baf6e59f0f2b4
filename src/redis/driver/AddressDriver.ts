/**
 * What every driver does with an address beside its dial: it asks for the login, warns of TLS that proves nothing, and looks why
 * a dial is slow.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { describe, type RedisAddress } from "../RedisAddress.js"
import type { RedisDriver } from "../RedisConnection.js"
import { RedisConnectError } from "../RedisError.js"
import * as SlowDial from "./dial/SlowDial.js"

const wordsOf = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure))

/** The address with the login of this moment. */
const withLogin = (address: RedisAddress): Effect.Effect<RedisAddress, RedisConnectError> => {
  const { credentials, ...rest } = address
  if (credentials === undefined) return Effect.succeed(rest)
  const failed = (failure: unknown) =>
    Effect.fail(new RedisConnectError({ reason: "Credentials", address: describe(address), detail: wordsOf(failure) }))
  return credentials.pipe(
    Effect.catchAll(failed),
    // what throws here would end the supervision for good
    Effect.catchAllDefect(failed),
    Effect.map(({ password, username = rest.username }) => ({ ...rest, username, password }))
  )
}

/**
 * The driver of an address by `driverOf`, which dials an address with a fixed login. The options of the address are checked at
 * once.
 */
export const make = (driverOf: (address: RedisAddress) => RedisDriver, address: RedisAddress): RedisDriver => {
  const fixed = driverOf(address)
  let hasWarned = address.tls?.rejectUnauthorized !== false
  const warning = Effect.suspend(() => {
    if (hasWarned) return Effect.void
    hasWarned = true
    return Effect.logWarning(
      `${describe(address)}: rejectUnauthorized is false, so that any certificate is taken; ` +
        "a machine on the way can read and change everything"
    )
  })
  const dialled = Effect.map(Effect.zipRight(warning, withLogin(address)), (now) =>
    address.credentials === undefined ? fixed : driverOf(now)
  )
  const explained = SlowDial.explained(address)
  return {
    ...fixed,
    connect: Effect.flatMap(dialled, ({ connect }) => explained(connect)),
    connectSubscriber: Effect.flatMap(dialled, ({ connectSubscriber }) => explained(connectSubscriber))
  }
}
