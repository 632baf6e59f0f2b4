/**
 * Dials one connection: the socket, the login, the database, and a PING to the configured user.
 *
 * @internal
 */
import { readFile } from "node:fs/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stall from "../../../internal/Stall.js"
import * as RedisConfig from "../../RedisConfig.js"
import { RedisConnectError } from "../../RedisError.js"
import * as DialFailure from "../DialFailure.js"
import * as Failure from "./Failure.js"
import * as Library from "./Library.js"

/** A client that is connected and logged in. */
export interface Dialled extends Library.Client {
  /** the protocol of its replies: RESP3 where server and ioredis have it */
  readonly isResp3: boolean
}

const tlsOptions = (
  said: string,
  { caFile, certFile, keyFile, rejectUnauthorized = true, serverName }: RedisConfig.RedisTls
) => {
  const content = (variable: string, path: string | undefined) =>
    path === undefined
      ? Effect.succeed(undefined)
      : Effect.tryPromise({
          try: () => readFile(path),
          catch: () => new RedisConnectError({ reason: "Tls", address: said, detail: `${variable} cannot be read` })
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

const targetOf = (address: RedisConfig.RedisAddress): Effect.Effect<Library.Target, RedisConnectError> => {
  const target: Library.Target =
    address.path === undefined
      ? { host: address.host ?? RedisConfig.defaultHost, port: address.port ?? RedisConfig.defaultPort }
      : { path: address.path }
  return address.tls === undefined
    ? Effect.succeed(target)
    : Effect.map(tlsOptions(RedisConfig.describe(address), address.tls), (tls) => ({ ...target, tls }))
}

/** Logs in, selects the database, and says whether the connection speaks RESP3. */
const logIn = (
  library: Library.Library,
  client: Library.Client,
  address: RedisConfig.RedisAddress,
  isResp3Wanted: boolean
): Effect.Effect<boolean, Failure.DialError> =>
  Effect.gen(function* () {
    const said = RedisConfig.describe(address)
    const send = (command: string, ...args: Array<string>) =>
      Effect.tryPromise({ try: () => Library.send(library, client, command, args), catch: (cause) => cause })
    const failed = (command: string, isLogin: boolean) => (cause: unknown) =>
      Failure.ofLogin(said, isLogin, cause, client.firstError()) ??
      new RedisConnectError({
        reason: "Rejected",
        address: said,
        detail: `${command}: ${DialFailure.messageOf(cause)}`
      })
    const ask = (command: string, ...args: Array<string>) =>
      Effect.mapError(send(command, ...args), failed(command, true))

    const { database = 0, password, username } = address
    const secret = password === undefined ? "" : Redacted.value(password)
    const hasLogin = username !== undefined || secret !== ""

    /** undefined where the connection is still to be logged in by AUTH */
    const hello = isResp3Wanted
      ? yield* send("HELLO", "3", ...(hasLogin ? ["AUTH", username ?? "default", secret] : [])).pipe(
          Effect.catchIf(Failure.lacksResp3, () => Effect.succeed(undefined)),
          Effect.mapError(failed("HELLO", true))
        )
      : undefined
    if (hello === undefined && hasLogin) yield* ask("AUTH", ...(username === undefined ? [secret] : [username, secret]))
    if (database !== 0) yield* ask("SELECT", String(database))
    const ping = yield* Effect.either(send("PING"))
    const problem = Either.isLeft(ping) ? Failure.ofLogin(said, false, ping.left, client.firstError()) : undefined
    if (problem !== undefined) return yield* Effect.fail(problem)
    // a map shows that this ioredis has read the reply as RESP3
    return hello !== undefined && !Array.isArray(hello)
  })

/** The connection lives as long as the scope. `isResp3Wanted` is false for a connection whose replies are the same in RESP2. */
export const make = (
  library: Library.Library,
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.Duration,
  isResp3Wanted: boolean
): Effect.Effect<Dialled, Failure.DialError, Scope.Scope> => {
  const said = RedisConfig.describe(address)
  const dialled = Effect.gen(function* () {
    yield* DialFailure.ofAddress(address)
    const client = yield* Library.make(library, yield* targetOf(address))
    yield* Effect.mapError(Library.connect(client), () => Failure.ofEnd(said, client.firstError()))
    const isResp3 = yield* logIn(library, client, address, isResp3Wanted && Library.readsResp3(client))
    return { ...client, isResp3 }
  }).pipe(Effect.catchAll((error) => Effect.flatMap(DialFailure.explained(address, error), Effect.fail)))
  return Duration.isFinite(connectTimeout)
    ? Stall.timeoutFail({
        duration: connectTimeout,
        onTimeout: () =>
          new RedisConnectError({
            reason: "Timeout",
            address: said,
            detail: `after ${Duration.format(connectTimeout)}`
          })
      })(dialled)
    : dialled
}
