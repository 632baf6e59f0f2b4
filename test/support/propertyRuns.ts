/** Runs before each test file: the properties that name no number of runs also follow `TEST_EFFORT`. */
import * as FastCheck from "effect/FastCheck"
import { runs } from "./effort.js"

FastCheck.configureGlobal({ ...FastCheck.readConfigureGlobal(), numRuns: runs(100) })
