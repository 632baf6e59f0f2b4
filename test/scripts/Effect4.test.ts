/** What `bun run measure:effect4` rewrites, on a module that is written here. */
import { describe, expect, it } from "@effect/vitest"
import ts from "typescript"
import { port } from "../../scripts/effect/port.js"

const portOf = (text: string) => port(ts.createSourceFile("planted.ts", text, ts.ScriptTarget.Latest, true))

const ported = (text: string): string => portOf(text).text

describe("a source that is rewritten for Effect 4", () => {
  it("imports a module from where it is now, and a name of it under its new name", () => {
    expect(
      ported(`import * as HttpServer from "@effect/platform/HttpServer"\nexport const a = HttpServer.layerContext`)
    ).toBe(`import * as HttpServer from "effect/http/HttpServer"\nexport const a = HttpServer.layerServices`)
    expect(ported(`import { unsafeJson } from "@effect/platform/HttpServerResponse"`)).toBe(
      `import { jsonUnsafe as unsafeJson } from "effect/http/HttpServerResponse"`
    )
  })

  it("has the names of a module that has another name, and of types too", () => {
    expect(
      ported(
        `import * as Either from "effect/Either"\nexport const a: Either.Either<1, 2> = Either.mapLeft(Either.right(1), f)`
      )
    ).toBe(
      `import * as Either from "effect/Result"\nexport const a: Either.Result<1, 2> = Either.mapError(Either.succeed(1), f)`
    )
  })

  it("imports the module that has a name now, in the same line", () => {
    const { added, text } = portOf(
      `import * as Effect from "effect/Effect"\nexport const a = Effect.unsafeMakeLatch(true)`
    )
    expect(text).toBe(
      `import * as _Latch from "effect/Latch"; import * as Effect from "effect/Effect"\nexport const a = _Latch.makeUnsafe(true)`
    )
    expect(added.size).toBe(1)
  })

  it("has the arguments of schemas and services in their new order, and each line where it was", () => {
    const { lines, text } = portOf(`import * as Schema from "effect/Schema"
import * as Context from "effect/Context"
class A extends Context.Tag("a")<A, Schema.Schema<1, 2>>() {}
const b = Schema.Record({
  key: Schema.String,
  value: Schema.Union(Schema.Literal("a", "b"), Schema.Literal("c"))
})
const c = Schema.Struct({ d: Schema.NonNegativeInt })`)
    expect(text).toBe(`import * as Schema from "effect/Schema"
import * as Context from "effect/Context"
class A extends Context.Service<A, Schema.Codec<1, 2>>()("a") {}
const b = Schema.Record(
Schema.String, 
Schema.Union([Schema.Literals(["a", "b"]), Schema.Literal("c")])
)
const c = Schema.Struct({ d: Schema.Natural })`)
    expect([...(lines.get("arguments") ?? [])].sort()).toEqual([2, 3, 4, 5])
    expect([...(lines.get("name") ?? [])].sort()).toEqual([2, 5, 7])
    expect(lines.has("import")).toBe(false)
  })

  it("leaves other modules and names alone, also those of the same name", () => {
    const text = `import * as Own from "./Either.js"\nexport const a = [Own.left(1), Either.left(1), "effect/Either"]`
    expect(ported(text)).toBe(text)
  })
})
