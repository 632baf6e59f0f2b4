/** All workloads, in the order of the report. */
import type { Workload } from "../Workload.js"
import { getMany } from "./getMany.js"
import { redisGet } from "./redisGet.js"
import { typedLocal } from "./typedLocal.js"
import { typedShared } from "./typedShared.js"

export const workloads: ReadonlyArray<Workload> = [redisGet, typedShared, typedLocal, getMany]
