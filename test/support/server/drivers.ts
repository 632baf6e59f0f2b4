/**
 * The driver that tests of a server run on. `TEST_DRIVER` names it: `BunRedis`, `SocketRedis`, `IoRedis`, or `IoRedis5` for
 * version 5 of ioredis, which speaks RESP2. By default it is the driver of the runtime.
 */
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import type { LayerConfigOptions } from "../../../src/redis/driver/UnsetAddress.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import type { ClusterAddress, RedisAddress, SentinelAddress } from "../../../src/redis/RedisConfig.js"
import type { RedisDriver } from "../../../src/redis/RedisConnection.js"

export interface DriverUnderTest {
  readonly driver: (address: RedisAddress, connectTimeout?: Duration.DurationInput) => RedisDriver
  readonly layer: (address: RedisAddress, options?: ClientOptions) => Layer.Layer<RedisClient>
  readonly layerCluster: (cluster: ClusterAddress, options?: ClientOptions) => Layer.Layer<RedisClient>
  readonly layerSentinel: (address: SentinelAddress, options?: ClientOptions) => Layer.Layer<RedisClient>
  readonly layerConfig: (options?: LayerConfigOptions) => Layer.Layer<RedisClient, ConfigError.ConfigError>
}

const drivers = {
  BunRedis: (): Promise<DriverUnderTest> => import("../../../src/redis/driver/BunRedis.js"),
  SocketRedis: (): Promise<DriverUnderTest> => import("../../../src/redis/driver/SocketRedis.js"),
  IoRedis: (): Promise<DriverUnderTest> => import("../../../src/redis/driver/IoRedis.js"),
  IoRedis5: async (): Promise<DriverUnderTest> => {
    const Driver = await import("../../../src/redis/driver/ioredis/Driver.js")
    const DriverLayer = await import("../../../src/redis/driver/DriverLayer.js")
    // what is used of version 6 is in version 5 too
    const library = (await import("ioredis-5")) as unknown as Parameters<typeof Driver.make>[0]
    const make = Driver.make(library)
    return {
      driver: (address, timeout = "5 seconds") => make(address, timeout),
      layer: DriverLayer.layer(make),
      layerCluster: DriverLayer.layerCluster(make),
      layerSentinel: DriverLayer.layerSentinel(make),
      layerConfig: DriverLayer.layerConfig(make)
    }
  }
}

export type DriverName = keyof typeof drivers

const isDriver = (name: string): name is DriverName => Object.hasOwn(drivers, name)

/** Whether this process can load a driver. */
const isBun = process.versions.bun !== undefined

const chosen = process.env.TEST_DRIVER || (isBun ? "BunRedis" : "IoRedis")
if (!isDriver(chosen)) throw new Error(`TEST_DRIVER=${chosen} is none of ${Object.keys(drivers).join(", ")}`)

export const driverName: DriverName = chosen

/** Every driver that this runtime has. */
export const driverNames: ReadonlyArray<DriverName> = isBun
  ? ["BunRedis", "SocketRedis", "IoRedis", "IoRedis5"]
  : ["SocketRedis", "IoRedis", "IoRedis5"]

export const load = (name: DriverName): Promise<DriverUnderTest> => drivers[name]()

export const driverUnderTest: DriverUnderTest = await load(driverName)
