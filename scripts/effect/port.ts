/** Rewrites a source file for Effect 4 as far as names and the order of arguments go. */
import ts from "typescript"
import { fields, listed, members, modules } from "./names.js"
import { namespacesOf, usesOf } from "./uses.js"

/** What changes in a line: the module of an import, a name, or the arguments of a call. */
export type Kind = "import" | "name" | "arguments"

interface Edit {
  readonly kind: Kind
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface Ported {
  /** the file for Effect 4, with each line where it was */
  readonly text: string
  /** the lines (from 0) that change, by kind */
  readonly lines: ReadonlyMap<Kind, ReadonlySet<number>>
  /** modules that are imported in addition, a line each */
  readonly added: ReadonlySet<string>
}

const isOfEffect = (symbol: ts.Symbol | undefined): boolean =>
  /\/node_modules\/(effect|@effect\/[^/]+)\//.test(symbol?.declarations?.[0]?.getSourceFile().fileName ?? "")

const nameNode = (node: ts.PropertyAccessExpression | ts.QualifiedName): ts.Node =>
  ts.isQualifiedName(node) ? node.right : node.name

/** `Schema.Union(a, b)` takes a list, and `Schema.Record({ key, value })` two arguments. */
const argumentEdits = (call: ts.CallExpression, name: string): ReadonlyArray<Edit> => {
  const [first, ...others] = call.arguments
  if (first === undefined) return []
  const { pos: start, end } = call.arguments
  if (listed.has(name) && (name !== "Literal" || others.length > 0)) {
    return [
      { kind: "arguments", start, end: start, text: "[" },
      { kind: "arguments", start: end, end, text: "]" }
    ]
  }
  if (name !== "Record" || !ts.isObjectLiteralExpression(first)) return []
  const [key, value] = first.properties
  if (key === undefined || value === undefined || !ts.isPropertyAssignment(key) || !ts.isPropertyAssignment(value)) {
    return []
  }
  return [
    { kind: "arguments", start: first.getStart(), end: key.initializer.getStart(), text: "" },
    { kind: "arguments", start: key.initializer.end, end: value.initializer.getStart(), text: ", " },
    { kind: "arguments", start: value.initializer.end, end: first.end, text: "" }
  ]
}

/** `Context.Tag("key")<Self, Shape>()` is `Context.Service<Self, Shape>()("key")`. */
const tagEdits = (tag: ts.CallExpression): ReadonlyArray<Edit> => {
  const made = tag.parent
  if (!ts.isCallExpression(made)) return []
  const [key] = tag.arguments
  return [
    { kind: "arguments", start: tag.getStart(), end: tag.end, text: "Context.Service" },
    { kind: "arguments", start: made.end, end: made.end, text: `(${key?.getText() ?? ""})` }
  ]
}

/** Edits do not overlap. A line of the result is the line of the file. */
const apply = (text: string, edits: ReadonlyArray<Edit>): string => {
  let result = text
  for (const { end, start, text: by } of [...edits].sort((a, b) => b.start - a.start || b.end - a.end)) {
    const breaks = result.slice(start, end).split("\n").length - 1
    result = result.slice(0, start) + by + "\n".repeat(breaks) + result.slice(end)
  }
  return result
}

/** A schema of one type is a `Schema.Schema`, and one of two types a `Schema.Codec`. */
const isCodec = (node: ts.Node): boolean =>
  ts.isTypeReferenceNode(node.parent) && (node.parent.typeArguments?.length ?? 0) > 1

/**
 * Rewrites one file. The checker of a program with Effect 3 knows which fields are Effect's; without one, fields stay as they
 * are.
 */
export const port = (file: ts.SourceFile, checker?: ts.TypeChecker): Ported => {
  const edits: Array<Edit> = []
  const added = new Set<string>()
  const uses = usesOf(file)

  for (const literal of uses.imports) {
    // a namespace of a barrel is counted, and stays
    const isOfBarrel = namespacesOf(literal).some((module) => modules.has(module))
    const moved = modules.get(literal.text) ?? (isOfBarrel ? literal.text : undefined)
    if (moved === undefined) continue
    edits.push({ kind: "import", start: literal.getStart() + 1, end: literal.end - 1, text: moved })
  }

  for (const { module, name, node } of uses.members) {
    const target = members[module]?.[name]
    const callee = node.parent
    const isCalled = ts.isCallExpression(callee) && callee.expression === node
    if (module === "effect/Schema" && isCalled) edits.push(...argumentEdits(callee, name))
    if (module === "effect/Schema" && name === "Literal" && isCalled && callee.arguments.length > 1) {
      edits.push({ kind: "name", start: node.end - name.length, end: node.end, text: "Literals" })
    }
    if (module === "effect/Schema" && name === "Schema" && isCodec(node)) {
      edits.push({ kind: "name", start: node.end - name.length, end: node.end, text: "Codec" })
    }
    if (module === "effect/Context" && name === "Tag" && isCalled && ts.isCallExpression(callee.parent)) {
      edits.push(...tagEdits(callee))
    } else if (target !== undefined && ts.isImportSpecifier(node)) {
      const own = node.propertyName ?? node.name
      const text = node.propertyName === undefined ? `${target} as ${name}` : target
      edits.push({ kind: "name", start: own.getStart(), end: own.end, text })
    } else if (target?.includes("/") === true) {
      const [other = "", exported = ""] = target.split(".")
      const alias = `_${other.split("/").at(-1)}`
      added.add(`import * as ${alias} from "${other}"; `)
      edits.push({ kind: "name", start: node.getStart(), end: node.end, text: `${alias}.${exported}` })
    } else if (target !== undefined && !ts.isImportSpecifier(node)) {
      edits.push({ kind: "name", start: nameNode(node).getStart(), end: node.end, text: target })
    }
  }

  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && node.name.text in fields) {
      if (isOfEffect(checker?.getSymbolAtLocation(node.name))) {
        edits.push({ kind: "name", start: node.name.getStart(), end: node.end, text: fields[node.name.text] ?? "" })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)

  const lines = new Map<Kind, Set<number>>()
  for (const { kind, start } of edits) {
    const { line } = file.getLineAndCharacterOfPosition(start)
    lines.set(kind, (lines.get(kind) ?? new Set()).add(line))
  }
  return { text: [...added].join("") + apply(file.text, edits), lines, added }
}
