/**
 * Where a socket of Node is opened for an address, with the content of the files that its TLS settings name.
 *
 * @internal
 */
import { readFile } from "node:fs/promises"
import type { ConnectionOptions } from "node:tls"
import * as Effect from "effect/Effect"
import * as RedisConfig from "../../RedisConfig.js"
import { RedisConnectError } from "../../RedisError.js"

export type SocketTarget = ({ readonly host: string; readonly port: number } | { readonly path: string }) & {
  readonly tls?: ConnectionOptions
}

/** Certificates are renewed: each dial reads the files again. */
const tlsOf = (
  address: RedisConfig.RedisAddress,
  { caFile, certFile, keyFile, rejectUnauthorized = true, serverName }: RedisConfig.RedisTls
): Effect.Effect<ConnectionOptions, RedisConnectError> => {
  const content = (variable: string, path: string | undefined) =>
    path === undefined
      ? Effect.succeed(undefined)
      : Effect.tryPromise({
          try: () => readFile(path),
          catch: () =>
            new RedisConnectError({
              reason: "Tls",
              address: RedisConfig.describe(address),
              detail: `${variable} cannot be read`
            })
        })
  return Effect.map(
    Effect.all([
      content("REDIS_TLS_CA_FILE", caFile),
      content("REDIS_TLS_CERT_FILE", certFile),
      content("REDIS_TLS_KEY_FILE", keyFile)
    ]),
    ([ca, cert, key]) => ({
      rejectUnauthorized,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName })
    })
  )
}

export const make = (address: RedisConfig.RedisAddress): Effect.Effect<SocketTarget, RedisConnectError> => {
  const target =
    address.path === undefined
      ? { host: address.host ?? RedisConfig.defaultHost, port: address.port ?? RedisConfig.defaultPort }
      : { path: address.path }
  return address.tls === undefined
    ? Effect.succeed(target)
    : Effect.map(tlsOf(address, address.tls), (tls) => ({ ...target, tls }))
}
