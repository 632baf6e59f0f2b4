import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import type * as CacheEntry from "../../../src/cache/entry/CacheEntry.js"
import * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import * as Migration from "../../../src/cache/entry/Migration.js"

const ProfileV1 = Schema.Struct({ name: Schema.String })
const ProfileV2 = Schema.Struct({ first: Schema.String, last: Schema.String })
class Profile extends Schema.Class<Profile>("Profile")({
  first: Schema.String,
  last: Schema.NonEmptyString,
  since: Schema.DateFromString
}) {}

const v2FromV1 = ({ name }: typeof ProfileV1.Type): typeof ProfileV2.Type => {
  const [first = "", last] = name.split(" ")
  if (last === undefined) throw new Error("no last name")
  return { first, last }
}
const fromV2 = (old: typeof ProfileV2.Type) => new Profile({ ...old, since: new Date(0) })

const codecOf = (version: number, migrations: Readonly<Record<number, Migration.Migration<Profile>>>) =>
  Effect.map(Migration.versions({ name: "profile", value: Profile, version, migrations }), (versions) =>
    EntryCodec.versioned(CacheCodec.make(Profile), versions)
  )

const third = codecOf(3, {
  1: Migration.migration(ProfileV1, (old) => fromV2(v2FromV1(old))),
  2: Migration.migration(ProfileV2, fromV2)
})

const entryOf = (version: number, json: unknown): CacheEntry.StoredEntry => ({
  createdAt: 1,
  timeToLive: 1,
  tags: [],
  versionTag: undefined,
  content: { kind: "value", version, encoding: undefined, text: JSON.stringify(json) }
})

describe("a value of an earlier version", () => {
  it.effect("is read as one of today from each version", () =>
    Effect.gen(function* () {
      const codec = yield* third
      const ada = new Profile({ first: "Ada", last: "Lovelace", since: new Date(0) })
      for (const [version, json] of [
        [1, { name: "Ada Lovelace" }],
        [2, { first: "Ada", last: "Lovelace" }],
        [3, { first: "Ada", last: "Lovelace", since: "1970-01-01T00:00:00.000Z" }]
      ] as const) {
        const read = yield* codec.decode("k", entryOf(version, json))
        expect(read).toBeInstanceOf(Profile)
        expect(read).toEqual(ada)
      }
      const attributes = entryOf(1, null)
      expect(yield* codec.encode("k", ada, attributes)).toMatchObject({ kind: "value", version: 3 })
    })
  )

  it.effect(
    "is a miss when its version is unknown or later, or its migration rejects it, throws, or answers wrongly",
    () =>
      Effect.gen(function* () {
        const codec = yield* third
        const today = { first: "Ada", last: "Lovelace", since: "1970-01-01T00:00:00.000Z" }
        for (const [version, json] of [
          [4, today],
          [999_999_999, today],
          [0, today],
          [1, { name: 1 }],
          [1, { name: "Ada" }],
          [2, { name: "Ada Lovelace" }],
          [2, { first: "Ada", last: "" }],
          [3, { name: "Ada Lovelace" }]
        ] as const) {
          const error = yield* Effect.flip(codec.decode("k", entryOf(version, json)))
          expect(error).toMatchObject({ _tag: "CacheCodecError", operation: "Decode" })
        }
        const without = yield* codecOf(3, {})
        expect((yield* Effect.flip(without.decode("k", entryOf(1, { name: "Ada Lovelace" }))))._tag).toBe(
          "CacheCodecError"
        )
      })
  )

  it.effect("is a miss when its migrated value does not satisfy the schema of today", () =>
    Effect.gen(function* () {
      // has the fields of the class, and is no instance
      const codec = yield* codecOf(2, {
        1: Migration.migration(ProfileV1, ({ name }): Profile => ({ first: name, last: name, since: new Date(0) }))
      })
      expect((yield* Effect.flip(codec.decode("k", entryOf(1, { name: "Ada" }))))._tag).toBe("CacheCodecError")

      const versions = yield* Migration.versions({
        name: "balance",
        value: Schema.NonNegativeInt,
        version: 2,
        migrations: { 1: Migration.migration(Schema.Number, (euros) => euros * 100) }
      })
      const balances = EntryCodec.versioned(CacheCodec.make(Schema.NonNegativeInt), versions)
      expect(yield* balances.decode("k", entryOf(1, 1.5))).toBe(150)
      expect((yield* Effect.flip(balances.decode("k", entryOf(1, -1.5))))._tag).toBe("CacheCodecError")
    })
  )
})

describe("versions that are not valid", () => {
  it.effect("are a defect that names the cache", () =>
    Effect.gen(function* () {
      const dies = (version: number, migrations: Readonly<Record<number, Migration.Migration<Profile>>>) =>
        Effect.map(Effect.exit(codecOf(version, migrations)), (exit) => {
          expect(Exit.isFailure(exit) && exit.cause._tag).toBe("Die")
          expect(String(exit)).toContain("profile")
        })
      const some = Migration.migration(ProfileV2, fromV2)
      for (const version of [0, -1, 1.5, Number.NaN, 1_000_000_000]) yield* dies(version, {})
      yield* dies(1, { 1: some })
      yield* dies(2, { 1: some, 2: some })
      yield* dies(2, { 0: some })
      yield* dies(2, { 0.5: some })
    })
  )
})
