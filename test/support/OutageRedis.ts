/** Redis in memory behind connections that a test breaks as it likes, one for each process that it plays. */
export { type Connection, make, type Server } from "../../src/testing/TestRedis.js"
