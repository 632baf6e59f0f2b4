/**
 * The values of all workloads: profiles whose JSON is about 120 characters.
 */
import * as Schema from "effect/Schema"

export const Profile = Schema.Struct({
  id: Schema.String,
  username: Schema.NonEmptyString,
  email: Schema.String,
  level: Schema.NonNegativeInt,
  createdAt: Schema.String,
  active: Schema.Boolean
})

export type Profile = typeof Profile.Type

export const idOf = (index: number): string => `user-${index}`

export const profileOf = (index: number): Profile => ({
  id: idOf(index),
  username: `player ${index}`,
  email: `player${index}@example.org`,
  level: index % 100,
  createdAt: "2025-01-01T00:00:00.000Z",
  active: index % 3 !== 0
})

/** A list made before anything is timed, so that making its elements is no part of a measurement. */
export const listOf = <A>(length: number, make: (index: number) => A): ((index: number) => A) => {
  const made = Array.from({ length }, (_, index) => make(index))
  return (index) => made[index] ?? make(index)
}
