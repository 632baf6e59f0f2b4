/** Redis in memory behind connections that a test breaks as it likes, one for each process that it plays. */
export { make } from "../../../src/testing/TestRedis.js"
