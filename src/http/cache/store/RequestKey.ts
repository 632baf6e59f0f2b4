/**
 * The keys and tags of stored responses. What a client sends becomes an id and nothing else: bounded in length, and unambiguous.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"

const isReadable = /^[ -~]{1,200}$/

/**
 * A text as an id: the text where it is short printable ASCII, and its SHA-256 elsewhere. No readable text has the form of the
 * hash where every text begins with a character of its own kind.
 */
const idOf = (text: string): string =>
  isReadable.test(text) ? text : `sha256:${createHash("sha256").update(text).digest("base64url")}`

/**
 * What selects a response, besides the fields that it varies on.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeyParts {
  readonly host: string
  /** the path with its query, as the client sent it; several where a router has changed it */
  readonly urls: ReadonlyArray<string>
  /** the values of the declared request fields */
  readonly fields: ReadonlyArray<string | undefined>
  /** undefined for a response that all clients share */
  readonly user: string | undefined
}

/**
 * The id of a URL's responses. The list in JSON keeps the parts apart.
 *
 * @since 0.2.0
 * @category constructors
 */
export const primary = ({ fields, host, urls, user }: KeyParts): string => {
  const parts = [host, ...urls, fields.map((value) => value ?? null)]
  // a user is hashed in any case: keys are seen by people that operate Redis
  return idOf(JSON.stringify(user === undefined ? parts : [...parts, { user: hashed(user) }]))
}

const hashed = (text: string): string => createHash("sha256").update(text).digest("base64url")

/**
 * The id of a variant: the values of the fields that the responses of a URL vary on.
 *
 * @since 0.2.0
 * @category constructors
 */
export const variant = (
  primaryId: string,
  generation: string,
  secondaryKey: ReadonlyArray<string | undefined>
): string => idOf(JSON.stringify([primaryId, generation, secondaryKey.map((value) => value ?? null)]))

/**
 * The tag of every response of a path, whatever the host, query and user.
 *
 * @since 0.2.0
 * @category constructors
 */
export const pathTag = (path: string): string => idOf(`path ${path}`)

/**
 * The tag of every response for a user.
 *
 * @since 0.2.0
 * @category constructors
 */
export const userTag = (user: string): string => `user ${hashed(user)}`

/**
 * The tag that a handler names.
 *
 * @since 0.2.0
 * @category constructors
 */
export const ownTag = (tag: string): string => idOf(`tag ${tag}`)
