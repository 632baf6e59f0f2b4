/**
 * Converts the typed keys of a cache to keys of Redis, the same in every process and every release.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { TwoGenerationMap } from "../../internal/collection/TwoGenerationMap.js"
import * as CompiledDecoder from "../../internal/schema/CompiledDecoder.js"
import * as SchemaWalk from "../../internal/schema/SchemaWalk.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as JsonForm from "./JsonForm.js"

type Reason = RedisKey.InvalidKey["reason"]

/**
 * A key of a cache: built once, and passed to every module that a read goes through.
 *
 * @since 0.1.0
 * @category models
 */
export class CacheKey {
  /** the number of the last `PendingReads` that the key joined, and its place among their keys */
  pendingNumber = 0
  place = 0

  constructor(
    /** the key of Redis */
    readonly text: string,
    /** the key of the local tier (see `Names`) */
    readonly name: string = text
  ) {}
}

/** A part of a key's text, or the reason why the key is invalid. */
type Part = Either.Either<string, Reason>

const notEncodable: Part = Either.left("NotEncodable")

/** Whether every encoded form is a text. */
const isAlwaysText = (ast: AST.AST, seen: SchemaWalk.Seen = new Set()): boolean => {
  switch (ast._tag) {
    case "StringKeyword":
    case "TemplateLiteral":
      return true
    case "Literal":
      return typeof ast.literal === "string"
    case "Enums":
      return ast.enums.every(([, value]) => typeof value === "string")
    case "Refinement":
      return isAlwaysText(ast.from, seen)
    case "Union":
      return ast.types.every((type) => isAlwaysText(type, seen))
    case "Suspend":
      // a schema that refers to itself is decided by its other members
      return !SchemaWalk.isNew(seen, ast.f()) || isAlwaysText(ast.f(), seen)
    default:
      return false
  }
}

/** Whether every valid key is a text, and its own encoded form. */
const isOwnText = <Key, I>(schema: Schema.Schema<Key, I>): boolean =>
  AST.typeAST(schema.ast) === schema.ast && isAlwaysText(schema.ast)

const ofText = (text: string): Part => {
  // JSON would escape such characters, and a part of an id would accept what an id rejects
  const problem = RedisKey.characterProblem(text)
  return problem === undefined ? Either.right(JSON.stringify(text)) : Either.left(problem)
}

const allOf = (parts: Iterable<Part>, open: string, close: string): Part =>
  Either.map(Either.all(parts), (texts) => `${open}${texts.join(",")}${close}`)

/**
 * The canonical JSON of a value, by the JSON Canonicalization Scheme (RFC 8785). It has no spaces. Fields are in the order
 * of the UTF-16 code units of their names. Numbers and texts are written as ECMAScript writes them.
 */
const canonical = (json: unknown, around: ReadonlyArray<object> = []): Part => {
  switch (typeof json) {
    case "string":
      return ofText(json)
    case "number":
      return Number.isFinite(json) ? Either.right(JSON.stringify(json)) : notEncodable
    case "boolean":
      return Either.right(String(json))
    case "object": {
      if (json === null) return Either.right("null")
      if (around.includes(json)) return notEncodable
      const within = [...around, json]
      if (Array.isArray(json)) {
        // not by `map`, which skips holes
        return allOf(
          Array.from(json, (item: unknown) => canonical(item, within)),
          "[",
          "]"
        )
      }
      if (!JsonForm.isPlainObject(json)) return notEncodable
      const fields = Object.entries(json)
        .filter(([, value]) => value !== undefined)
        .sort(([one], [other]) => (one < other ? -1 : 1))
      return allOf(
        fields.map(([name, value]) =>
          Either.zipWith(ofText(name), canonical(value, within), (name, value) => `${name}:${value}`)
        ),
        "{",
        "}"
      )
    }
    default:
      return notEncodable
  }
}

/** The built keys that a cache remembers, at least. Concurrent reads of one key then share an object. */
const remembered = 2_048

/**
 * Makes the function that builds the keys of a schema under a prefix. The id is the encoded form where every encoded form is
 * a text, and the canonical JSON of the encoded form elsewhere. Two keys have the same text only if their encoded forms are
 * the same. A field that is `undefined` counts as absent.
 *
 * Left is `InvalidKey` for a key that does not satisfy the schema, that the schema throws on, or whose encoded form is no
 * JSON (`NotEncodable`). So is a key that `RedisKey.make` rejects, as for control characters or lone surrogates in any part.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, I>(
  prefix: string,
  schema: Schema.Schema<Key, I>
): ((key: Key) => Either.Either<CacheKey, RedisKey.InvalidKey>) => {
  const toEncoded = Schema.encodeEither(schema)
  const encode = (key: Key): Either.Either<unknown, unknown> => {
    try {
      return toEncoded(key)
    } catch (thrown) {
      return Either.left(thrown)
    }
  }
  const fitting = isOwnText(schema) ? CompiledDecoder.make(schema) : undefined
  const invalid = (reason: Reason) => new RedisKey.InvalidKey({ reason, prefix })
  const isText = isAlwaysText(Schema.encodedSchema(schema).ast)

  const textOf = isText ? RedisKey.make : KeyOwner.under

  const recent = new TwoGenerationMap<Either.Either<CacheKey, RedisKey.InvalidKey>>(remembered)
  const keyOf = (id: string) => {
    const known = recent.get(id)
    if (known !== undefined) return known
    const key = Either.map(textOf(prefix, id), (text) => new CacheKey(text, fitting === undefined ? text : id))
    if (Either.isRight(key)) recent.set(id, key)
    return key
  }

  return (key) => {
    if (typeof key === "string" && fitting?.(key) === key) return keyOf(key)
    const encoded = encode(key)
    if (Either.isLeft(encoded)) return Either.left(invalid("NotEncodable"))
    const id = encoded.right
    if (isText && typeof id === "string") return keyOf(id)
    return Either.flatMap(Either.mapLeft(canonical(id), invalid), keyOf)
  }
}

/**
 * The names of a cache's keys in the local tier. A key that is a text is its own name: building and hashing the key of Redis
 * would double the cost of a local hit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Names<in Key> {
  /** Whether every key is a text, which is then its id. Other ids are canonical JSON. */
  readonly isText: boolean
  /** The name of a key, valid or not; undefined where the key must be built to know it. No two keys share a name. */
  readonly ofKey: (key: Key) => string | undefined
  /** The name of a key of Redis, for an invalidation: messages carry keys of Redis. */
  readonly ofText: (text: string) => string
  /** The key of Redis of a valid key's name, for an event. */
  readonly textOf: (name: string) => string
}

/**
 * The names of a schema's keys: the same as those of the keys that `make` builds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const names = <Key, I>(prefix: string, schema: Schema.Schema<Key, I>): Names<Key> => {
  const isText = isAlwaysText(Schema.encodedSchema(schema).ast)
  return isOwnText(schema)
    ? {
        isText,
        ofKey: (key) => (typeof key === "string" ? key : undefined),
        ofText: (text) => RedisKey.idOf(prefix, text),
        textOf: (name) => Either.getOrElse(RedisKey.make(prefix, name), () => name)
      }
    : { isText, ofKey: () => undefined, ofText: identity, textOf: identity }
}
