/** Redis in memory behind connections that a test can break, one for each process that it plays. */
export { make } from "../../../src/testing/TestRedis.js"
