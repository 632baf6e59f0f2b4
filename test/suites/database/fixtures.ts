import * as Effect from "effect/Effect"
import { Database } from "../../../src/game/Database.js"
import { UserId } from "../../../src/game/Player.js"

/** Runs a test on a database that is empty. */
export type Test = <A, E>(title: string, body: Effect.Effect<A, E, Database>) => void

export const person = (username: string) => ({
  username,
  displayName: `The ${username}`,
  email: `${username}@example.com`
})

export const nobody = UserId.make("00000000-0000-4000-8000-000000000000")

export const createUser = (username: string, balance = 0) =>
  Effect.gen(function* () {
    const database = yield* Database
    const { id } = yield* database.createUser(person(username))
    if (balance > 0) yield* database.updateBalance(id, balance)
    return id
  })

export const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.flip,
    Effect.map(({ _tag }) => _tag)
  )
