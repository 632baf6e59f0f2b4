/**
 * The text of a typed key: what stands behind a cache's name in Redis, the same in every process and every release.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as CompiledDecoder from "../../internal/CompiledDecoder.js"
import * as SchemaWalk from "../../internal/SchemaWalk.js"
import { TwoGenerationMap } from "../../internal/TwoGenerationMap.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import * as RedisKey from "../../redis/RedisKey.js"

type Reason = RedisKey.InvalidKey["reason"]

/**
 * A key of Redis, put together once for as long as it is remembered.
 *
 * @since 0.1.0
 * @category models
 */
export class CacheKey {
  /** the last reads that it travelled with, by their number, and its place among their keys (see `ReadBatch`) */
  gathering = 0
  place = 0

  constructor(readonly text: string) {}
}

/** What a text is made of, or why there is none. */
type Written = Either.Either<string, Reason>

const notEncodable: Written = Either.left("NotEncodable")

/** Whether each encoded form is a text, by the schema alone. */
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
      // a schema that refers to itself adds nothing to what its other members are
      return !SchemaWalk.isNew(seen, ast.f()) || isAlwaysText(ast.f(), seen)
    default:
      return false
  }
}

/** Whether each key is its own encoded form, if it fits, and that a text. */
const isOwnText = <Key, I>(schema: Schema.Schema<Key, I>): boolean =>
  AST.typeAST(schema.ast) === schema.ast && isAlwaysText(schema.ast)

const ofText = (text: string): Written => {
  // JSON would escape them, and what is refused as an id would be accepted as a part of one
  const problem = RedisKey.characterProblem(text)
  return problem === undefined ? Either.right(JSON.stringify(text)) : Either.left(problem)
}

const isPlainObject = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const allOf = (parts: Iterable<Written>, open: string, close: string): Written =>
  Either.map(Either.all(parts), (texts) => `${open}${texts.join(",")}${close}`)

/**
 * The JSON Canonicalization Scheme (RFC 8785): no spaces, the fields of an object in the order of the UTF-16 code units of
 * their names, numbers and texts as ECMAScript writes them.
 */
const canonical = (json: unknown, around: ReadonlyArray<object> = []): Written => {
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
        // not by `map`, which leaves out what is missing
        return allOf(
          Array.from(json, (item: unknown) => canonical(item, within)),
          "[",
          "]"
        )
      }
      if (!isPlainObject(json)) return notEncodable
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

/** Keys of a cache that are not put together anew, at least: reads of one key at the same time find the same object. */
const remembered = 2_048

/**
 * The keys of a schema, as keys of Redis under a prefix. Where every encoded form is a text, that text; otherwise the
 * canonical JSON of the encoded form, whose colons stay as they are. Two keys have the same text only if their encoded
 * forms are the same, where a field that is `undefined` counts as absent.
 *
 * Left is `InvalidKey` for a key that does not satisfy the schema, that the schema throws on, or whose encoded form is no
 * JSON (`NotEncodable`), and for what `RedisKey.make` refuses, control characters and lone surrogates in any part of the key included.
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

  const put = isText ? RedisKey.make : KeyOwner.under

  const recent = new TwoGenerationMap<Either.Either<CacheKey, RedisKey.InvalidKey>>(remembered)
  const made = (id: string) => {
    const known = recent.get(id)
    if (known !== undefined) return known
    const key = Either.map(put(prefix, id), (text) => new CacheKey(text))
    if (Either.isRight(key)) recent.set(id, key)
    return key
  }

  return (key) => {
    if (typeof key === "string" && fitting?.(key) === key) return made(key)
    const encoded = encode(key)
    if (Either.isLeft(encoded)) return Either.left(invalid("NotEncodable"))
    const id = encoded.right
    if (isText && typeof id === "string") return made(id)
    return Either.flatMap(Either.mapLeft(canonical(id), invalid), made)
  }
}

/**
 * What keys are called within a process: by a name that is at hand, since to make the key of Redis anew for each read, and
 * to hash it, costs as much as the rest of a read from the process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Names<in Key> {
  /** A key's own name, which no other key has; undefined where it takes the key of Redis to tell. It may be no valid key. */
  readonly ofKey: (key: Key) => string | undefined
  /** The name that belongs to a key of Redis. */
  readonly ofText: (text: string) => string
  /** The key of Redis that belongs to the name of a valid key. */
  readonly textOf: (name: string) => string
}

/**
 * The names of a schema's keys, whose keys in Redis are those of `make`: the id itself where it is its own encoded form,
 * and the key of Redis elsewhere.
 *
 * @since 0.1.0
 * @category constructors
 */
export const names = <Key, I>(prefix: string, schema: Schema.Schema<Key, I>): Names<Key> =>
  isOwnText(schema)
    ? {
        ofKey: (key) => (typeof key === "string" ? key : undefined),
        ofText: (text) => RedisKey.idOf(prefix, text),
        textOf: (name) => Either.getOrElse(RedisKey.make(prefix, name), () => name)
      }
    : { ofKey: () => undefined, ofText: identity, textOf: identity }
