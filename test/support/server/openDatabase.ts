/** A program of its own for tests of several processes: opens the database of its first argument and creates a user. */
import * as Effect from "effect/Effect"
import { Database } from "../../../src/game/Database.js"
import * as SqlDatabase from "../../../src/game/database/SqlDatabase.js"

const [url = "", username = ""] = process.argv.slice(2)

await Effect.flatMap(Database, (database) =>
  database.createUser({ username, displayName: username, email: `${username}@example.com` })
).pipe(Effect.provide(SqlDatabase.layer({ url })), Effect.runPromise)
