import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

interface InvalidRequest {
  readonly status: number
  readonly detail: string
  readonly errors: ReadonlyArray<{ readonly field: string; readonly message: string }>
}

const problemsOf = (answer: TestServer.Answer): ReadonlyArray<string> => {
  const { detail, errors, status } = answer.json as InvalidRequest
  expect([answer.status, status]).toEqual([400, 400])
  expect(detail).toBe(errors.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; "))
  return errors.map(({ field }) => field)
}

const bodies: ReadonlyArray<readonly [method: string, path: string, body: unknown, fields: ReadonlyArray<string>]> = [
  ["POST", "/api/users", { username: "", displayName: 3 }, ["username", "displayName", "email"]],
  ["POST", "/api/users", { username: "a\0", displayName: "\0b", email: "a@b" }, ["username", "displayName"]],
  ["PATCH", "/api/users/ada/profile", { displayname: "Ada", email: "nobody" }, ["displayname", "email"]],
  ["PUT", "/api/users/ada/balance", { balance: -1, currency: "SEK" }, ["currency", "balance"]],
  ["POST", "/api/users/ada/games", { won: "yes", score: -1 }, ["won", "score"]],
  ["POST", "/api/games", { players: ["", "ada", 3] }, ["players[0]", "players[2]"]]
]

layer(TestServer.layer(services()))("a request with several problems", (it) => {
  for (const [method, path, body, fields] of bodies) {
    it.effect(`${method} ${path} names each of ${fields.join(", ")}`, () =>
      Effect.gen(function* () {
        expect([...problemsOf(yield* TestServer.send(method, path, body))].sort()).toEqual([...fields].sort())
      })
    )
  }

  it.effect("names each parameter of the query once", () =>
    Effect.gen(function* () {
      const answer = yield* TestServer.get("/api/leaderboards/global?offset=-1&limit=many")
      expect(problemsOf(answer)).toEqual(["offset", "limit"])
      expect(problemsOf(yield* TestServer.get("/api/leaderboards/global?limit=0"))).toEqual(["limit"])
    })
  )

  it.effect("names the body where it is no object, in a message that can be read", () =>
    Effect.gen(function* () {
      const answer = yield* TestServer.send("POST", "/api/users", [1])
      expect(problemsOf(answer)).toEqual([""])
      expect((answer.json as InvalidRequest).detail).toBe("Expected NewUser, actual [1]")
    })
  )

  it.effect("counts problems beyond the first 32, so that the answer stays short", () =>
    Effect.gen(function* () {
      const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, 1]))
      const answer = yield* TestServer.send("PUT", "/api/users/ada/balance", { ...many, balance: -1 })
      const { errors } = answer.json as InvalidRequest
      expect(errors).toHaveLength(33)
      expect(errors.at(-1)).toEqual({ field: "", message: "and 969 more" })
      expect(answer.text.length).toBeLessThan(16_000)
      const texts = { players: Array.from({ length: 1000 }, () => "\0") }
      expect((yield* TestServer.send("POST", "/api/games", texts)).text.length).toBeLessThan(16_000)
    })
  )
})
