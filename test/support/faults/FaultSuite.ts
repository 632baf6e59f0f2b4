/**
 * What the tests of faults share: a client with short timeouts, a real server, and what must hold whatever happens.
 */
import { afterAll, beforeAll, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import type { ConnectionFailure } from "../../../src/redis/RedisStatus.js"
import { driverUnderTest } from "../server/drivers.js"
import * as RedisServer from "../server/RedisServer.js"
import type { Feature } from "../server/ServerKinds.js"

export const test = it.scopedLive.skipIf(RedisServer.skipReason !== undefined)

/** A test that is skipped where there is a reason, and says so. */
export const unless =
  (reason: string | undefined): typeof test =>
  (name, ...rest) =>
    it.scopedLive.skipIf(reason !== undefined)(withReason(name, reason), ...rest)

/**
 * A test that starts a server and needs more of it than all have. It is skipped on servers that lack one of the features, and
 * says why.
 */
export const testWith = (...needs: ReadonlyArray<Feature>) => unless(RedisServer.skipReasonFor(...needs))

/** Like `testWith`, for a test that changes nothing of a server but its data. */
export const testOnAnyWith = (...needs: ReadonlyArray<Feature>) => unless(RedisServer.skipReasonOfUse(...needs))

const withReason = (text: string, reason: string | undefined): string =>
  reason === undefined ? text : `${text} (skipped: ${reason})`

export const title = (text: string): string => withReason(text, RedisServer.skipReason)

/** Short enough for a test, long enough for a busy machine. */
const defaults: ClientOptions = {
  connectTimeout: "1 second",
  commandTimeout: "500 millis",
  heartbeatInterval: "100 millis",
  reconnect: Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(5)),
  probe: Schedule.spaced("100 millis"),
  circuitBreaker: { openFor: "100 millis" }
}

export const connect = (address: RedisAddress, options: ClientOptions = {}) =>
  Effect.map(Layer.build(driverUnderTest.layer(address, { ...defaults, ...options })), (context) =>
    Context.get(context, RedisClient)
  )

/** Waits until something holds, as long as a slow machine may need. */
export const eventually = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>
): Effect.Effect<void, never, R> =>
  condition.pipe(
    Effect.orElseSucceed(() => false),
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: (holds) => holds }),
    Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => new Error(`it never came to this: ${what}`) }),
    Effect.orDie,
    Effect.asVoid
  )

/** Dies where a timeout of the client should have ended the waiting long ago. */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatten(
    Effect.timeoutTo(Effect.exit(effect), {
      duration: "8 seconds",
      onSuccess: (exit): Effect.Effect<A, E> => exit,
      onTimeout: () => Effect.dieMessage("it hangs")
    })
  )

export const available = (redis: RedisClient.Service) => eventually("the client is available", redis.isAvailable)

/** Waits until the client says why it has no connection. */
export const failsWith = (redis: RedisClient.Service, kind: string) =>
  eventually(
    `the client fails with ${kind}`,
    Effect.map(
      redis.getStatus,
      ({ connected, lastFailure }) => !connected && Option.getOrUndefined(Option.map(lastFailure, kindOf)) === kind
    )
  )

const kindOf = (failure: ConnectionFailure): string => ("reason" in failure ? failure.reason : failure._tag)

/** Waits until the server has just so many clients, beside the one that asks. */
export const noLeak = (server: RedisServer.RedisServer, expected: number) =>
  eventually(
    `the server has ${expected} clients`,
    Effect.map(server.clientCount, (count) => count === expected)
  )

/** For the whole file: no promise of ours may be rejected with nobody looking. */
export const expectNoUnhandledRejections = (): void => {
  const causes: Array<unknown> = []
  const listener = (cause: unknown) => void causes.push(cause)
  beforeAll(() => void process.on("unhandledRejection", listener))
  afterAll(() => {
    process.off("unhandledRejection", listener)
    expect(causes).toEqual([])
  })
}
