/** Clients of a cluster that lives as long as the layer. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ClientOptions } from "../../../src/redis/connection/ClientOptions.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { driverUnderTest } from "./drivers.js"
import * as RedisCluster from "./RedisCluster.js"

export class Cluster extends Context.Tag("test/Cluster")<Cluster, RedisCluster.RedisCluster>() {}

/** A client that knows the first two nodes. */
export const clientOf = (cluster: RedisCluster.RedisCluster, options: ClientOptions = {}): Layer.Layer<RedisClient> => {
  const [first, second] = cluster.nodes
  return driverUnderTest.layerCluster(
    {
      nodes: [
        { host: "127.0.0.1", port: first?.port },
        { host: "127.0.0.1", port: second?.port }
      ],
      password: cluster.password === undefined ? undefined : Redacted.make(cluster.password)
    },
    options
  )
}

/** The prefix of every client: the contracts hold with one as they do without. */
const keyPrefix = process.env.TEST_KEY_PREFIX || undefined

/**
 * Six servers share the machine with the test. A contract is no test of timeouts: a reply that is late on a busy machine must
 * not pass for an outage, nor must a server that is late be replaced.
 */
const patient: ClientOptions = { keyPrefix, commandTimeout: "20 seconds", heartbeatInterval: "10 seconds" }

export const onCluster: Layer.Layer<RedisClient | Cluster> = Layer.unwrapScoped(
  Effect.map(RedisCluster.make({ nodeTimeoutMillis: 30_000 }), (cluster) =>
    Layer.merge(clientOf(cluster, patient), Layer.succeed(Cluster, cluster))
  )
)
