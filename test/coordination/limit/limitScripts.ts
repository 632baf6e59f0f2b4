/** The scripts of every rate limit, by the name of its algorithm. */
import * as FixedWindow from "../../../src/coordination/limit/algorithm/FixedWindow.js"
import * as SlidingCounter from "../../../src/coordination/limit/algorithm/SlidingCounter.js"
import * as SlidingLog from "../../../src/coordination/limit/algorithm/SlidingLog.js"
import * as TokenBucket from "../../../src/coordination/limit/algorithm/TokenBucket.js"
import type { LimitScripts } from "../../../src/coordination/limit/LimitScript.js"
import type { Algorithm } from "../../../src/coordination/limit/RateLimit.js"

export const limitScripts: Record<Algorithm, LimitScripts> = {
  FixedWindow: FixedWindow.scripts,
  SlidingLog: SlidingLog.scripts,
  SlidingCounter: SlidingCounter.scripts,
  TokenBucket: TokenBucket.scripts
}
