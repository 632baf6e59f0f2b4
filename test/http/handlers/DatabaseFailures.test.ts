import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { DatabaseError } from "../../../src/game/Database.js"
import { DatabaseUnavailable, NotStorable } from "../../../src/http/contract/Errors.js"
import * as DatabaseFailures from "../../../src/http/handlers/DatabaseFailures.js"
import * as CapturedLog from "../../support/CapturedLog.js"

const failed = (operation: string) => new DatabaseError({ operation, detail: "it is away" })

describe("a failed database operation", () => {
  it.effect("is logged as an error once per operation and minute, with the number of lines left out", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      yield* Effect.gen(function* () {
        const { databaseFailed } = yield* DatabaseFailures.DatabaseFailures
        const request = (operation: string) => Effect.flip(databaseFailed(failed(operation)))
        yield* Effect.replicateEffect(request("getUser"), 100)
        expect(yield* request("getBalance")).toEqual(new DatabaseUnavailable())
        yield* TestClock.adjust("1 minute")
        yield* request("getUser")
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(DatabaseFailures.layer), Effect.provide(log.layer))
      expect(log.lines).toEqual([
        { level: "ERROR", text: "HTTP: the database failed in getUser: it is away" },
        { level: "ERROR", text: "HTTP: the database failed in getBalance: it is away" },
        { level: "ERROR", text: "HTTP: the database failed in getUser: it is away (and 99 more since the last line)" }
      ])
    })
  )

  it.effect("is not logged when the database rejected the values of a write", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const rejected = new DatabaseError({ operation: "updateBalance", detail: "too large", rejected: true })
      yield* Effect.gen(function* () {
        const { writeFailed } = yield* DatabaseFailures.DatabaseFailures
        expect(yield* Effect.flip(writeFailed(rejected))).toEqual(new NotStorable())
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(DatabaseFailures.layer), Effect.provide(log.layer))
      expect(log.lines).toEqual([])
    })
  )
})
