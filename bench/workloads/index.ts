/** All workloads, in the order of the report. */

import { leaderboard } from "./coordination/leaderboard.js"
import { lock } from "./coordination/lock.js"
import { rateLimit } from "./coordination/rateLimit.js"
import { leases } from "./lookups/leases.js"
import { refreshAhead } from "./lookups/refreshAhead.js"
import { readWriteMix } from "./mixes/readWriteMix.js"
import { httpProfile } from "./processes/httpProfile.js"
import { memory } from "./processes/memory.js"
import { overhead } from "./processes/overhead.js"
import { stages } from "./processes/stages.js"
import { startUp } from "./processes/startUp.js"
import { eviction } from "./reads/eviction.js"
import { getMany } from "./reads/getMany.js"
import { redisGet } from "./reads/redisGet.js"
import { typedLocal } from "./reads/typedLocal.js"
import { typedShared } from "./reads/typedShared.js"
import { flatCost } from "./scaling/flatCost.js"
import type { Workload } from "./Workload.js"
import { miss } from "./writes/miss.js"
import { set } from "./writes/set.js"
import { stampede } from "./writes/stampede.js"

export const workloads: ReadonlyArray<Workload> = [
  redisGet,
  typedShared,
  typedLocal,
  eviction,
  getMany,
  set,
  miss,
  stampede,
  leases,
  refreshAhead,
  readWriteMix,
  rateLimit,
  lock,
  leaderboard,
  httpProfile,
  startUp,
  memory,
  overhead,
  flatCost,
  stages
]
