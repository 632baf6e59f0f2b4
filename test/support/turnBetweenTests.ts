/**
 * Lets the event loop turn before each test. Vitest gives a worker up that does not answer for a minute, and a file of
 * synchronous tests, such as the random runs of a model, would be one long turn.
 */
import { setImmediate } from "node:timers/promises"
import { beforeEach } from "vitest"

beforeEach(() => setImmediate())
