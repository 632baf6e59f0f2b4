/**
 * The sentinels of a primary, in the order in which they are asked: the last that was right stands first.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stall from "../../internal/Stall.js"
import {
  defaultSentinelPort,
  describeNode,
  type NodeAddress,
  type RedisAddress,
  type SentinelAddress
} from "../RedisConfig.js"
import type { RedisDriver, RedisReply } from "../RedisConnection.js"
import { type RedisAuthError, RedisConnectError, type RedisError } from "../RedisError.js"

/** Why a sentinel has named no server. */
export type SentinelFailure = RedisConnectError | RedisAuthError | RedisError

/** A connection to a sentinel. */
export interface SentinelConnection {
  /** The server that the sentinel names, as this program reaches it. */
  readonly primary: Effect.Effect<NodeAddress, SentinelFailure>
  readonly ended: Effect.Effect<void>
}

export interface Sentinels {
  readonly inOrder: () => ReadonlyArray<NodeAddress>
  /** The sentinel was right: it is asked first from now on. */
  readonly prefer: (sentinel: NodeAddress) => void
  /** The sentinel is asked last from now on. */
  readonly defer: (sentinel: NodeAddress) => void
  readonly connect: (sentinel: NodeAddress) => Effect.Effect<SentinelConnection, SentinelFailure, Scope.Scope>
  /** The server that a sentinel names, over a connection of its own. */
  readonly ask: (sentinel: NodeAddress) => Effect.Effect<NodeAddress, SentinelFailure>
  /** How many of the sentinels name each server, of those that answer. */
  readonly votes: Effect.Effect<ReadonlyMap<string, number>>
  /** Calls back with each server that the sentinel announces as the new primary, until the connection ends. */
  readonly listen: (
    sentinel: NodeAddress,
    onSwitch: (primary: NodeAddress) => void
  ) => Effect.Effect<{ readonly ended: Effect.Effect<void> }, SentinelFailure, Scope.Scope>
}

const isSame = (left: NodeAddress, right: NodeAddress): boolean => left.host === right.host && left.port === right.port

/** Two texts of a reply as an address. */
const addressOf = (host: unknown, port: unknown): NodeAddress | undefined =>
  typeof host === "string" && host !== "" && Number(port) > 0 ? { host, port: Number(port) } : undefined

/** The fields of a map, which RESP2 sends as a flat list. */
const fieldOf = (reply: RedisReply, name: string): unknown => {
  if (Array.isArray(reply)) {
    const at = reply.indexOf(name)
    return at < 0 ? undefined : reply[at + 1]
  }
  return typeof reply === "object" && reply !== null
    ? Object.entries(reply).find(([field]) => field === name)?.[1]
    : undefined
}

const switched = "+switch-master"

export const make = (driverOf: (address: RedisAddress) => RedisDriver, settings: SentinelAddress): Sentinels => {
  const { mapAddress = (announced: NodeAddress) => announced, master } = settings
  const timeout = Duration.decode(settings.sentinelTimeout ?? "1 second")
  const configured: ReadonlyArray<NodeAddress> = settings.sentinels.map(({ host, port = defaultSentinelPort }) => ({
    host,
    port
  }))
  let order: ReadonlyArray<NodeAddress> = configured

  const without = (sentinel: NodeAddress) => order.filter((other) => !isSame(other, sentinel))

  /** Those that a sentinel names replace those that were learnt before. */
  const learn = (reply: RedisReply) => {
    if (!Array.isArray(reply)) return
    const named = reply.flatMap((other) => {
      const address = addressOf(fieldOf(other, "ip"), fieldOf(other, "port"))
      return address === undefined ? [] : [mapAddress(address)]
    })
    const known = [...configured, ...named]
    const kept = order.filter((sentinel) => known.some((each) => isSame(each, sentinel)))
    for (const each of known) if (!kept.some((other) => isSame(each, other))) kept.push(each)
    order = kept
  }

  const driverAt = (sentinel: NodeAddress): RedisDriver =>
    driverOf({
      ...sentinel,
      username: settings.sentinelUsername,
      password: settings.sentinelPassword,
      tls: settings.sentinelTls
    })

  const inTime = (sentinel: NodeAddress) =>
    Stall.timeoutFail({
      duration: timeout,
      onTimeout: () =>
        new RedisConnectError({
          reason: "Timeout",
          address: describeNode(sentinel),
          detail: `after ${Duration.format(timeout)}`
        })
    })

  const connect: Sentinels["connect"] = (sentinel) => {
    const driver = driverAt(sentinel)
    return Effect.map(driver.connect.pipe(inTime(sentinel)), (connection): SentinelConnection => {
      const send = (...args: ReadonlyArray<string>) =>
        Effect.tryPromise({
          try: () => connection.send("SENTINEL", args),
          catch: (cause) => driver.toError("SENTINEL", cause)
        })
      return {
        ended: Deferred.await(connection.closed),
        primary: Effect.all([send("GET-MASTER-ADDR-BY-NAME", master), Effect.option(send("SENTINELS", master))], {
          concurrency: "unbounded"
        }).pipe(
          Effect.flatMap(([named, others]) => {
            learn(Option.getOrNull(others))
            const address = Array.isArray(named) ? addressOf(named[0], named[1]) : undefined
            return address === undefined
              ? Effect.fail(
                  new RedisConnectError({ reason: "UnknownMaster", address: describeNode(sentinel), detail: master })
                )
              : Effect.succeed(mapAddress(address))
          }),
          inTime(sentinel)
        )
      }
    })
  }

  const ask: Sentinels["ask"] = (sentinel) => Effect.scoped(Effect.flatMap(connect(sentinel), ({ primary }) => primary))

  return {
    inOrder: () => order,
    prefer: (sentinel) => {
      order = [sentinel, ...without(sentinel)]
    },
    defer: (sentinel) => {
      order = [...without(sentinel), sentinel]
    },
    connect,
    ask,
    votes: Effect.suspend(() =>
      Effect.forEach(order, (sentinel) => Effect.option(ask(sentinel)), { concurrency: "unbounded" })
    ).pipe(
      Effect.map((answers) => {
        const votes = new Map<string, number>()
        for (const primary of Arr.getSomes(answers)) {
          const name = describeNode(primary)
          votes.set(name, (votes.get(name) ?? 0) + 1)
        }
        return votes
      })
    ),
    listen: (sentinel, onSwitch) => {
      const driver = driverAt(sentinel)
      return driver.connectSubscriber.pipe(
        Effect.tap((connection) =>
          Effect.tryPromise({
            try: () =>
              connection.subscribe(switched, (message) => {
                const [name, , , host, port] = message.split(" ")
                const address = addressOf(host, port)
                if (name === master && address !== undefined) onSwitch(mapAddress(address))
              }),
            catch: (cause) => driver.toError("SUBSCRIBE", cause)
          })
        ),
        inTime(sentinel),
        Effect.map(({ closed }) => ({ ended: Deferred.await(closed) }))
      )
    }
  }
}
