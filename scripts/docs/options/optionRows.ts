/** The rows of the table of an option type: name, type, default and meaning of each option. */
import ts from "typescript"
import { optionDoc } from "./optionDoc.js"
import { shortType } from "./optionType.js"
import { isOptional, namedIn, type OptionType, symbolOf, typeNodeOf } from "./optionTypes.js"

export interface OptionRow {
  readonly name: string
  readonly optional: boolean
  readonly type: string
  /** the option types that its type names, whose tables the row links */
  readonly groups: ReadonlyArray<ts.Symbol>
  readonly default: string | undefined
  readonly meaning: string
}

/** An option that several types share is written once, and its declaration stands for it. */
export const declarationOf = (property: ts.Symbol): ts.Declaration | undefined => property.declarations?.[0]

/**
 * The properties of a type: its own, then those that it takes from others, as they stand in their files. The compiler's order of the
 * properties of `Pick` depends on what it has compiled before.
 */
export const propertiesOf = (checker: ts.TypeChecker, { symbol, type }: OptionType): ReadonlyArray<ts.Symbol> => {
  const place = (property: ts.Symbol) => {
    const declaration = declarationOf(property)
    const isOwn = symbol.declarations?.some((own) => own === declaration?.parent) === true
    return { file: isOwn ? "" : (declaration?.getSourceFile().fileName ?? ""), at: declaration?.pos ?? 0 }
  }
  return checker
    .getPropertiesOfType(type)
    .filter((property) => !property.name.startsWith("__@"))
    .map((property) => ({ property, ...place(property) }))
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.at - b.at))
    .map(({ property }) => property)
}

/** The first paragraph of the doc comment of a type. */
export const summaryOf = (checker: ts.TypeChecker, symbol: ts.Symbol): string =>
  ts
    .displayPartsToString(symbol.getDocumentationComment(checker))
    .split(/\n\s*\n/)[0]
    ?.replace(/\s+/g, " ") ?? ""

/** Fails for an option without a meaning, and for one that may be left out and states no default. */
export const optionRows = (
  checker: ts.TypeChecker,
  optionType: OptionType,
  problems: Array<string>
): ReadonlyArray<OptionRow> =>
  propertiesOf(checker, optionType).map((property) => {
    const node = typeNodeOf(property)
    const doc = optionDoc(ts.displayPartsToString(property.getDocumentationComment(checker)))
    const optional = isOptional(property)
    const declaration = declarationOf(property)
    const file = declaration?.getSourceFile()
    const place =
      file === undefined || declaration === undefined
        ? ""
        : `${file.fileName}:${file.getLineAndCharacterOfPosition(declaration.getStart()).line + 1}: `
    const option = `${place}${optionType.module.name}.${optionType.name}.${property.name}`
    if (doc.meaning === "") problems.push(`${option} does not say what it means`)
    if (optional && doc.default === undefined) problems.push(`${option} states no default`)
    const named = namedIn(checker, node).flatMap((type) => symbolOf(type) ?? [])
    return {
      name: property.name,
      optional,
      type: node === undefined ? checker.typeToString(checker.getTypeOfSymbol(property)) : shortType(checker, node),
      groups: [...new Set(named)],
      default: doc.default,
      meaning: doc.meaning
    }
  })
