/** The check of `bun run lint`, on modules that are written here. */
import { describe, expect, it } from "@effect/vitest"
import ts from "typescript"
import { internalsIn } from "../../scripts/effect/internals.js"
import { root } from "../support/root.js"

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  skipLibCheck: true,
  types: []
}

const modules = {
  "an internal module": [
    `import * as core from "effect/internal/core"
     export const made = core`,
    ["an import of effect/internal/core"]
  ],
  "effects of its own": [
    `import * as Effectable from "effect/Effectable"
     import * as Utils from "effect/Utils"
     export const prototype = Effectable.CommitPrototype
     export const wraps = (value: object) => Utils.YieldWrapTypeId in value`,
    ["an import of effect/Effectable", "the internal member YieldWrapTypeId"]
  ],
  "the text of a symbol, a tag or a global": [
    `export const texts = [Symbol.for("effect/Utils/YieldWrap"), "@effect/platform/HttpApp/handled", \`effect/FiberCurrent\`, "effect/"]
     export const others = ["effect", "@effect/platform", "effect-cache-toolkit/Cache", "/effect/x", import("effect/Effect")]`,
    [
      'the text "effect/Utils/YieldWrap"',
      'the text "@effect/platform/HttpApp/handled"',
      'the text "effect/FiberCurrent"',
      'the text "effect/"'
    ]
  ],
  "members that Effect does not declare": [
    `import type * as Fiber from "effect/Fiber"
     interface WithChildren { getChildren?: () => ReadonlySet<unknown> }
     export const childrenOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => (fiber as WithChildren).getChildren?.()
     export const same = (fiber: Fiber.RuntimeFiber<number>) => fiber as Fiber.Fiber<number>`,
    ["a value of Effect as WithChildren"]
  ],
  "an object as an effect": [
    `import type * as Effect from "effect/Effect"
     class Own { commit() {} }
     export const made = new Own() as unknown as Effect.Effect<number>
     export const names = ["a"] as const
     export const text = made as unknown`,
    ["a value of its own as Effect.Effect<number>"]
  ]
} as const

const nameOf = (at: number): string => `${root}src/Planted${at}.ts`

const sources = new Map(Object.values(modules).map(([source], at) => [nameOf(at), source]))
const host = ts.createCompilerHost(options)
const program = ts.createProgram([...sources.keys()], options, {
  ...host,
  fileExists: (name) => sources.has(name) || host.fileExists(name),
  readFile: (name) => sources.get(name) ?? host.readFile(name),
  getSourceFile: (name, version) => {
    const source = sources.get(name)
    return source === undefined ? host.getSourceFile(name, version) : ts.createSourceFile(name, source, version, true)
  }
})

describe("the check of what is used of Effect", () => {
  for (const [at, [what, [, expected]]] of Object.entries(modules).entries()) {
    it(`finds ${what}, and nothing else`, () => {
      const file = program.getSourceFile(nameOf(at))
      if (file === undefined) throw new Error(`${nameOf(at)} is no file of the program`)
      expect(internalsIn(program, file).map((use) => use.what)).toEqual(expected)
    })
  }
})
