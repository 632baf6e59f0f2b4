import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import * as JsonForm from "../../../src/cache/entry/JsonForm.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"

class Account extends Schema.Class<Account>("Account")({ id: Schema.Int, since: Schema.Date }) {}

interface Tree {
  readonly size: number
  readonly parts: ReadonlyArray<Tree>
}
const treeOf = (size: Schema.Schema<number>): Schema.Schema<Tree> => {
  const tree: Schema.Schema<Tree> = Schema.Struct({ parts: Schema.Array(Schema.suspend(() => tree)), size })
  return tree
}

describe("an encoded form", () => {
  for (const [path, schema] of [
    ["a.*", Schema.Struct({ a: Schema.Array(Schema.DateFromSelf) })],
    ["", Schema.ValidDateFromSelf],
    ["0", Schema.Tuple(Schema.NullOr(Schema.BigIntFromSelf))],
    ["", Schema.MapFromSelf({ key: Schema.String, value: Schema.Date })],
    ["*", Schema.Record({ key: Schema.String, value: Schema.SetFromSelf(Schema.Int) })],
    ["", Schema.OptionFromSelf(Schema.Int)],
    ["", Schema.typeSchema(Account)],
    ["", Schema.instanceOf(Error)],
    ["", Schema.Uint8ArrayFromSelf],
    ["", Schema.UndefinedOr(Schema.Int)],
    ["*", Schema.Array(Schema.UndefinedOr(Schema.Int))],
    ["a", Schema.Struct({ a: Schema.SymbolFromSelf })],
    ["", Schema.transform(Schema.DateFromSelf, Schema.Number, { decode: Number, encode: (n) => new Date(n) })]
  ] as const) {
    it(`of ${schema} is not possible in JSON`, () => {
      expect(JsonForm.problemOf(schema)).toMatch(path === "" ? /^JSON cannot hold [\w./]+: use / : `(at ${path}): use `)
    })
  }

  for (const schema of [
    Account,
    Schema.Option(Schema.Int),
    Schema.Map({ key: Schema.String, value: Schema.Date }),
    Schema.Struct({ a: Schema.UndefinedOr(Schema.Int), b: Schema.optional(Schema.Finite) }),
    Schema.NullOr(Schema.Number.pipe(Schema.between(0, 1))),
    Schema.parseJson(Schema.Struct({ a: Schema.Number })),
    Schema.NumberFromString,
    treeOf(Schema.Int)
  ]) {
    it(`of ${schema} is always JSON`, () => {
      expect([JsonForm.problemOf(schema), JsonForm.needsCheck(schema)]).toEqual([undefined, false])
    })
  }

  for (const schema of [
    Schema.Number,
    Schema.NonNegative,
    Schema.NullOr(Schema.DurationFromMillis),
    Schema.Unknown,
    Schema.Object,
    Schema.Struct({}),
    Schema.Struct({ a: Schema.Int }).annotations({ parseOptions: { onExcessProperty: "preserve" } }),
    Schema.declare((u): u is string => typeof u === "string"),
    treeOf(Schema.Number)
  ]) {
    it(`of ${schema} is checked for each value`, () => {
      expect([JsonForm.problemOf(schema), JsonForm.needsCheck(schema)]).toEqual([undefined, true])
    })
  }
})

describe("schemas", () => {
  it("that refer to each other are visited once each, and not by every path", () => {
    const kinds: ReadonlyArray<Schema.Schema<unknown>> = Array.from({ length: 12 }, (_, kind) => {
      const { ast } = Schema.Struct({
        kind: Schema.Literal(kind),
        ...Object.fromEntries(
          Array.from({ length: 12 }, (_, other) => [
            `to${other}`,
            Schema.NullOr(Schema.suspend(() => kinds[other] ?? Schema.Unknown))
          ])
        ),
        ...(kind === 11 ? { at: Schema.DateFromSelf, odd: Schema.SymbolFromSelf } : {})
      })
      return Schema.make<unknown>(ast)
    })
    const [first = Schema.Unknown] = kinds
    expect(JsonForm.problemOf(first)).toMatch(/cannot hold Date \(at .*at\)/)
    expect(() => CacheCodec.make(first)).toThrow(/cannot hold symbol \(at .*odd\)/)
    expect(JsonForm.needsCheck(Schema.Struct({ kinds: kinds.at(5) ?? Schema.Unknown }))).toBe(true)
  })

  it.effect("that a function makes anew at every step are visited up to a limit", () =>
    Effect.gen(function* () {
      interface List<A> {
        readonly head: A
        readonly tail: List<A> | null
      }
      const listOf = <A, I>(item: Schema.Schema<A, I>): Schema.Schema<List<A>, List<I>> =>
        Schema.Struct({ head: item, tail: Schema.NullOr(Schema.suspend(() => listOf(item))) })
      const codec = CacheCodec.make(listOf(Schema.DateFromSelf))
      const list = { head: new Date(0), tail: { head: new Date(1), tail: null } }
      expect(yield* codec.decode(yield* codec.encode(list))).toEqual(list)
      expect(JsonForm.needsCheck(listOf(Schema.Int))).toBe(false)
      expect(JsonForm.problemOf(listOf(Schema.BigIntFromSelf))).toContain("(at head)")
    })
  )
})

describe("a value", () => {
  it("is JSON if parsing its text gives an equal value", () => {
    for (const value of [null, "a", 0, -0, 1.5, true, [], [{ a: [1, null] }], { a: undefined }, Object.create(null)]) {
      expect(JsonForm.isJson(value)).toBe(true)
    }
  })

  it("is not JSON otherwise, and the path to the problem is known", () => {
    const odd = [undefined, Number.NaN, Number.NEGATIVE_INFINITY, 1n, Symbol("a"), () => 1, new Date(0), new Map()]
    for (const value of [...odd, new Error("a"), new Uint8Array(1), new Account({ id: 1, since: new Date(0) })]) {
      expect(JsonForm.isJson(value)).toBe(false)
      expect(JsonForm.isJson({ a: [1, value] })).toBe(false)
      expect(JsonForm.pathToProblem({ z: 1, a: [1, value] })).toEqual(["a", "1"])
    }
    expect(JsonForm.isJson(new Array(1))).toBe(false)
    expect(JsonForm.isJson({ toJSON: () => 1 })).toBe(false)
  })
})

describe("a cache", () => {
  const common = { name: "odd", timeToLive: "1 minute", lookup: () => Effect.die("never asked") } as const
  const plain = { key: Schema.String, value: Schema.String } as const
  const odd = Schema.Struct({ at: Schema.SymbolFromSelf })
  for (const [of, make] of [
    ["key", TypedCache.make({ ...common, ...plain, key: odd })],
    ["value", TypedCache.make({ ...common, ...plain, value: odd })],
    ["error", TypedCache.make({ ...common, ...plain, negative: { error: odd } })]
  ] as const) {
    it.scoped(`is not made with a ${of} that JSON cannot hold: the defect names the field and the schema to use`, () =>
      Effect.gen(function* () {
        const made = yield* Effect.exit(Effect.asVoid<unknown, never, RedisClient | Scope.Scope>(make))
        expect(Exit.isFailure(made) && made.cause._tag).toBe("Die")
        expect(`${made}`).toContain(
          `the ${of} schema of the cache odd cannot be stored: JSON cannot hold symbol (at at): use Schema.Symbol in place of Schema.SymbolFromSelf`
        )
      }).pipe(Effect.provide(MemoryRedis.layer()))
    )
  }

  it("has no migration from a schema that JSON cannot hold", () => {
    expect(() => TypedCache.migration(Schema.RedactedFromSelf(Schema.String), (old) => Redacted.value(old))).toThrow(
      /JSON cannot hold effect.Redacted: use Schema.Redacted/
    )
  })
})
