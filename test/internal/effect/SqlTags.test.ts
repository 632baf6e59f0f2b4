import * as SqlClient from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import * as SqlTags from "../../../src/internal/effect/SqlTags.js"

describe("a tag of @effect/sql", () => {
  it("has the key of the package: the client", () => {
    expect(SqlTags.SqlClient.key).toBe(SqlClient.SqlClient.key)
  })

  it("has the key of the package: the connection of a transaction", () => {
    expect(SqlTags.TransactionConnection.key).toBe(SqlClient.TransactionConnection.key)
  })
})
