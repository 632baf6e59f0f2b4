/** All workloads, in the order of the report. */
import type { Workload } from "../Workload.js"
import { getMany } from "./getMany.js"
import { httpProfile } from "./httpProfile.js"
import { leaderboard } from "./leaderboard.js"
import { lock } from "./lock.js"
import { memory } from "./memory.js"
import { miss } from "./miss.js"
import { overhead } from "./overhead.js"
import { rateLimit } from "./rateLimit.js"
import { redisGet } from "./redisGet.js"
import { set } from "./set.js"
import { stages } from "./stages.js"
import { stampede } from "./stampede.js"
import { startUp } from "./startUp.js"
import { typedLocal } from "./typedLocal.js"
import { typedShared } from "./typedShared.js"

export const workloads: ReadonlyArray<Workload> = [
  redisGet,
  typedShared,
  typedLocal,
  getMany,
  set,
  miss,
  stampede,
  rateLimit,
  lock,
  leaderboard,
  httpProfile,
  startUp,
  memory,
  overhead,
  stages
]
