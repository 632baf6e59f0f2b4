/** The contract of a client, on a cluster of three primaries and three replicas. */
import { layer } from "@effect/vitest"
import { contract } from "../../suites/RedisClientSuite.js"
import * as ClusterLayers from "../../support/server/ClusterLayers.js"

layer(ClusterLayers.onCluster, { excludeTestServices: true, timeout: "1 minute" })("on a cluster", contract)
