/**
 * Runs before each test file. `layer` of @effect/vitest replaces `effect` and `scoped` of the one global `it`. Files that
 * share a process (`--no-isolate`) would then run with the layer of an earlier file, and without a TestClock.
 */
import { effect, flakyTest, it, layer, prop, scoped } from "@effect/vitest"

Object.assign(it, { effect, flakyTest, layer, prop, scoped })
