/**
 * Logs in on a connection that has just been opened, selects its database, and finds out which protocol it speaks. For drivers
 * that send each command of the login themselves.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Stall from "../../../internal/Stall.js"
import * as RedisConfig from "../../RedisConfig.js"
import { type RedisAuthError, RedisConnectError } from "../../RedisError.js"
import * as DialFailure from "./DialFailure.js"
import * as SecondLook from "./SecondLook.js"

export type DialError = RedisConnectError | RedisAuthError

export interface LoginOptions {
  readonly address: RedisConfig.RedisAddress
  /** Whether HELLO is to ask for RESP3. Without it, the login is AUTH alone, which every server knows. */
  readonly isResp3Wanted: boolean
  readonly send: (command: string, args: ReadonlyArray<string>) => Effect.Effect<unknown, unknown>
  /** The text of an error reply; undefined for any other failure. */
  readonly replyOf: (failure: unknown) => string | undefined
  /** Why the connection has ended, where a command has failed without a reply. */
  readonly endOf: (failure: unknown) => DialError
}

/** Whether a server or proxy has no RESP3, and may be logged in to with AUTH. */
const lacksResp3 = (reply: string | undefined): boolean =>
  reply !== undefined && /^(-?ERR )?(NOPROTO|unknown command|unsupported command)/i.test(reply)

/** Answers what HELLO was answered with: undefined where the connection speaks RESP2. */
export const run = (options: LoginOptions): Effect.Effect<unknown, DialError> =>
  Effect.gen(function* () {
    const { address, endOf, isResp3Wanted, replyOf } = options
    const said = RedisConfig.describe(address)
    const send = (command: string, ...args: Array<string>) => options.send(command, args)

    /** undefined where the reply shows that the connection stands */
    const problemOf = (failure: unknown, isLogin: boolean): DialError | undefined => {
      const reply = replyOf(failure)
      return reply === undefined ? endOf(failure) : DialFailure.ofReply(said, isLogin, reply)
    }
    const failed = (command: string) => (failure: unknown) =>
      problemOf(failure, true) ??
      new RedisConnectError({
        reason: "Rejected",
        address: said,
        detail: `${command}: ${DialFailure.messageOf(failure)}`
      })
    const ask = (command: string, ...args: Array<string>) => Effect.mapError(send(command, ...args), failed(command))

    const { database = 0, password, username } = address
    const secret = password === undefined ? "" : Redacted.value(password)
    const hasLogin = username !== undefined || secret !== ""

    /** undefined where the connection is still to be logged in by AUTH */
    const hello = isResp3Wanted
      ? yield* send("HELLO", "3", ...(hasLogin ? ["AUTH", username ?? "default", secret] : [])).pipe(
          Effect.catchIf(
            (failure) => lacksResp3(replyOf(failure)),
            () => Effect.succeed(undefined)
          ),
          Effect.mapError(failed("HELLO"))
        )
      : undefined
    if (hello === undefined && hasLogin) yield* ask("AUTH", ...(username === undefined ? [secret] : [username, secret]))
    if (database !== 0) yield* ask("SELECT", String(database))
    const ping = yield* Effect.either(send("PING"))
    const problem = Either.isLeft(ping) ? problemOf(ping.left, false) : undefined
    return problem === undefined ? hello : yield* Effect.fail(problem)
  })

/** Explains the failure of a dial, and fails a dial that takes longer than `connectTimeout`. */
export const reporting =
  (address: RedisConfig.RedisAddress, connectTimeout: Duration.Duration) =>
  <A, R>(dial: Effect.Effect<A, DialError, R>): Effect.Effect<A, DialError, R> => {
    const explained = Effect.catchAll(dial, (error) =>
      Effect.flatMap(SecondLook.explained(address, error), Effect.fail)
    )
    return Duration.isFinite(connectTimeout)
      ? Stall.timeoutFail({
          duration: connectTimeout,
          onTimeout: () =>
            new RedisConnectError({
              reason: "Timeout",
              address: RedisConfig.describe(address),
              detail: `after ${Duration.format(connectTimeout)}`
            })
        })(explained)
      : explained
  }
