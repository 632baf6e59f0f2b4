/**
 * A driver that connects to the primary that sentinels name, and to the next one after a failover. Commands, timeouts and
 * supervision stand above it, as above any driver.
 *
 * Each connection begins with a question to the sentinels. The server that one names must report the role of a primary,
 * else the next sentinel is asked. A sentinel that was cut off from the others may still name the old primary.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as ServerRole from "../connection/ServerRole.js"
import {
  describeNode,
  describeSentinels,
  type NodeAddress,
  type RedisAddress,
  type SentinelAddress
} from "../RedisConfig.js"
import type { RedisConnection, RedisDriver } from "../RedisConnection.js"
import { type RedisAuthError, RedisConnectError } from "../RedisError.js"
import * as Sentinels from "./Sentinels.js"
import * as SentinelWatch from "./SentinelWatch.js"

type DialError = RedisConnectError | RedisAuthError

const check = ({ database, master, sentinels, sentinelTimeout }: SentinelAddress): void => {
  const check = OptionCheck.make("Sentinel")
  if (sentinels.length === 0) check.reject("sentinels", sentinels, "a list of at least one address")
  for (const { port } of sentinels) check.wholeNumber("sentinels.port", port, { most: 65_535 })
  if (master === "") check.reject("master", master, "the name of a primary, as `sentinel monitor` has it")
  check.wholeNumber("database", database, { least: 0 })
  check.positiveDuration("sentinelTimeout", sentinelTimeout)
}

const sameNode = (left: NodeAddress | undefined, right: NodeAddress): boolean =>
  left !== undefined && describeNode(left) === describeNode(right)

/** What came of one sentinel's answer. */
interface Attempt {
  readonly sentinel: NodeAddress
  /** the server that it named */
  readonly named?: NodeAddress | undefined
  readonly failure: Sentinels.SentinelFailure
}

const kindOf = (failure: Sentinels.SentinelFailure): string =>
  "reason" in failure ? failure.reason : "code" in failure ? `${failure._tag} ${failure.code}` : failure._tag

/** The failure of a dial whose sentinels have all led to nothing. */
const failureOf = (address: string, attempts: ReadonlyArray<Attempt>): DialError => {
  const servers = new Set(attempts.flatMap(({ named }) => (named === undefined ? [] : [describeNode(named)])))
  const rejected = attempts.find(({ named }) => named !== undefined)
  // a failure of the one server that is named says most itself
  if (servers.size === 1 && rejected !== undefined) {
    const { failure } = rejected
    if (failure._tag === "RedisAuthError") return failure
    if (failure._tag === "RedisConnectError") {
      const detail = [failure.detail, `named by the sentinel ${describeNode(rejected.sentinel)}`]
      return new RedisConnectError({
        reason: failure.reason,
        address: failure.address,
        detail: detail.filter((text) => text !== "").join(", ")
      })
    }
  }
  const reason =
    servers.size > 1
      ? "PrimaryDisputed"
      : attempts.some(({ failure }) => kindOf(failure) === "UnknownMaster")
        ? "UnknownMaster"
        : "SentinelsUnavailable"
  const detail = attempts
    .map(({ failure, named, sentinel }) =>
      named === undefined
        ? `${describeNode(sentinel)}: ${kindOf(failure)}`
        : `${describeNode(sentinel)} names ${describeNode(named)}: ${kindOf(failure)}`
    )
    .join("; ")
  const [first, ...rest] = attempts.map(({ failure }) => failure)
  const isAlike = first?._tag === "RedisConnectError" && rest.every((other) => kindOf(other) === kindOf(first))
  const cause = isAlike && first.detail !== "" ? ` (${first.detail})` : ""
  return new RedisConnectError({ reason, address, detail: detail + cause })
}

/** Runs an effect in a scope of its own, which closes at once when the effect fails, and otherwise with the outer scope. */
const inOwnScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(
    Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.sequential)),
    (own) => Scope.extend(effect, own).pipe(Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))))
  )

/**
 * Builds the driver of the primary that sentinels name. `driverOf` makes the driver of one address, for servers and sentinels
 * alike. Throws an `InvalidOption` that names an option that cannot be right.
 *
 * The driver is for one supervised executor. Its `address` is that of the present primary while there is a connection.
 *
 * - a dial fails with `SentinelsUnavailable`, `UnknownMaster` or `PrimaryDisputed`, or as the dial of the named server
 * - a connection ends with `Superseded` when a sentinel announces another primary, or most sentinels have named another
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * import { RedisConfig } from "effect-cache-toolkit"
 * import * as BunRedis from "effect-cache-toolkit/BunRedis"
 * import { Sentinel, SupervisedExecutor } from "effect-cache-toolkit/driver"
 *
 * const address: RedisConfig.SentinelAddress = {
 *   sentinels: [{ host: "sentinel-1" }, { host: "sentinel-2" }, { host: "sentinel-3" }],
 *   master: "mymaster"
 * }
 *
 * export const executor = SupervisedExecutor.make(Sentinel.driver(BunRedis.driver, address))
 */
export const driver = (driverOf: (address: RedisAddress) => RedisDriver, address: SentinelAddress): RedisDriver => {
  check(address)
  const { credentials, database, password, tls, username } = address
  const said = describeSentinels(address)
  const sentinels = Sentinels.make(driverOf, address)
  const serverAt = (node: NodeAddress): RedisDriver =>
    driverOf({ ...node, username, password, credentials, tls, database })

  /** where the commands' connection leads, or is about to */
  let target: { readonly node: NodeAddress; readonly driver: RedisDriver } | undefined

  /** Dials what the sentinels name, one after another, until a server takes the connection. */
  const dial = <A>(
    connect: (node: NodeAddress, driver: RedisDriver) => Effect.Effect<A, DialError, Scope.Scope>
  ): Effect.Effect<A, DialError, Scope.Scope> =>
    Effect.gen(function* () {
      const attempts: Array<Attempt> = []
      for (const sentinel of sentinels.inOrder()) {
        // a dial that is interrupted by its timeout continues with the next sentinel when it is repeated
        sentinels.defer(sentinel)
        const answer = yield* Effect.either(sentinels.ask(sentinel))
        if (Either.isLeft(answer)) {
          attempts.push({ sentinel, failure: answer.left })
          continue
        }
        const named = answer.right
        const before = attempts.find((attempt) => sameNode(attempt.named, named))
        if (before !== undefined) {
          attempts.push({ ...before, sentinel })
          continue
        }
        const connection = yield* Effect.either(inOwnScope(connect(named, serverAt(named))))
        if (Either.isRight(connection)) {
          sentinels.prefer(sentinel)
          return connection.right
        }
        attempts.push({ sentinel, named, failure: connection.left })
      }
      return yield* Effect.fail(failureOf(said, attempts))
    })

  const connectPrimary = (
    node: NodeAddress,
    server: RedisDriver
  ): Effect.Effect<RedisConnection, DialError, Scope.Scope> =>
    Effect.gen(function* () {
      target = { node, driver: server }
      const connection = yield* server.connect
      const isReplica = yield* ServerRole.make((command, args) =>
        Effect.tryPromise({
          try: () => connection.send(command, args),
          catch: (cause) => server.toError(command, cause)
        })
      )
      return isReplica
        ? yield* Effect.fail(
            new RedisConnectError({ reason: "Replica", address: server.address, detail: "by its ROLE" })
          )
        : connection
    })

  const watchOver = SentinelWatch.make({ sentinels, address: said })

  return {
    get address() {
      return target === undefined ? said : target.driver.address
    },
    database,
    // whatever the address, it is the same client's words that are read
    toError: driverOf({}).toError,
    connect: Effect.suspend(() => {
      target = undefined
      return dial(connectPrimary)
    }).pipe(
      Effect.tapBoth({
        onFailure: () =>
          Effect.sync(() => {
            target = undefined
          }),
        onSuccess: () =>
          Effect.suspend(() => Effect.logInfo(`the primary ${address.master} is ${target?.driver.address}`))
      })
    ),
    connectSubscriber: dial((_, server) => server.connectSubscriber),
    watch: Effect.suspend(() => (target === undefined ? Effect.never : watchOver(target.node)))
  }
}
