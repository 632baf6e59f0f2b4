/**
 * ioredis as a driver, for whichever version of it.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RedisConfig from "../../RedisConfig.js"
import type { RedisDriver } from "../../RedisConnection.js"
import * as AddressDriver from "../AddressDriver.js"
import * as DriverLayer from "../DriverLayer.js"
import * as Connection from "./Connection.js"
import * as Dial from "./Dial.js"
import * as Failure from "./Failure.js"
import type { Library } from "./Library.js"

export const make =
  (library: Library): DriverLayer.MakeDriver =>
  (address, connectTimeout) => {
    DriverLayer.check("IoRedis", address, connectTimeout)
    return AddressDriver.make((address) => fixedDriver(library, address, connectTimeout), address)
  }

/** With the login of the address, whatever its `credentials` say. */
const fixedDriver = (
  library: Library,
  address: RedisConfig.RedisAddress,
  connectTimeout: Duration.DurationInput
): RedisDriver => {
  const dial = (isResp3Wanted: boolean) => Dial.make(library, address, Duration.decode(connectTimeout), isResp3Wanted)
  return {
    toError: Failure.ofCommand,
    address: RedisConfig.describe(address),
    database: address.database,
    connect: Effect.map(dial(true), (dialled) => Connection.commands(library, dialled)),
    // messages are the same in RESP2, and no server is too old for them
    connectSubscriber: Effect.map(dial(false), Connection.subscriptions)
  }
}
