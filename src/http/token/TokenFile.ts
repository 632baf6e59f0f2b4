/**
 * Keeps the API token that the server generates at its first start in a file.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, link, mkdir, open, unlink, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * The file holds no token, or cannot be read or written. The message names the file and never shows what is in it.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenFileError extends Data.TaggedError("TokenFileError")<{
  readonly path: string
  readonly detail: string
}> {
  override get message(): string {
    return `API_TOKEN is not set, and the token file ${this.path} ${this.detail}`
  }
}

/**
 * A token and its origin: made by this call, kept by an earlier one, or kept in a file that other users could read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kept {
  readonly token: Redacted.Redacted
  readonly found: "Made" | "Kept" | "Exposed"
}

/**
 * Whether a text can be a token: it travels in a header.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

const attempt = <A>(path: string, doing: string, run: () => Promise<A>): Effect.Effect<A, TokenFileError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new TokenFileError({ path, detail: `cannot be ${doing} (${codeOf(cause)})` })
  })

const tokenOf = (path: string, text: string): Effect.Effect<Redacted.Redacted, TokenFileError> => {
  const token = text.trim()
  return isToken(token)
    ? Effect.succeed(Redacted.make(token))
    : new TokenFileError({
        path,
        detail: "holds no token: it must be one line of visible ASCII characters without spaces"
      })
}

const ownerOnly = 0o600

const readKept = (path: string, file: FileHandle): Effect.Effect<Kept, TokenFileError> =>
  Effect.gen(function* () {
    const stat = yield* attempt(path, "read", () => file.stat())
    if (!stat.isFile()) return yield* new TokenFileError({ path, detail: "is no regular file" })
    const exposed = (stat.mode & 0o077) !== 0
    if (exposed) yield* attempt(path, "given mode 0600", () => file.chmod(ownerOnly))
    const token = yield* Effect.flatMap(
      attempt(path, "read", () => file.readFile("utf8")),
      (text) => tokenOf(path, text)
    )
    return { token, found: exposed ? "Exposed" : "Kept" }
  })

/**
 * Creates the file unless it exists, and answers whether it did. A link appears whole or not at all, and replaces no
 * file.
 */
const publish = (path: string): Promise<boolean> => {
  const draft = `${path}.${randomBytes(8).toString("hex")}`
  return writeFile(draft, `${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: ownerOnly })
    .then(() => link(draft, path))
    .then(() => true)
    .catch((cause: unknown) => {
      if (codeOf(cause) === "EEXIST") return false
      throw cause
    })
    .finally(() => unlink(draft).catch(() => {}))
}

/**
 * Reads the token of an earlier start, or generates one of 256 random bits in a file that only its owner may read. When
 * several processes start at once, one generates it and the others read that one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readOrMake = (path: string): Effect.Effect<Kept, TokenFileError> => {
  const opened = Effect.acquireRelease(
    attempt(path, "read", () =>
      // the server never creates a symbolic link, so it follows none
      open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((cause: unknown) => {
        if (codeOf(cause) === "ENOENT") return undefined
        throw cause
      })
    ),
    (file) => Effect.promise(() => file?.close() ?? Promise.resolve())
  )
  const found = Effect.scoped(
    Effect.flatMap(opened, (file) => (file === undefined ? Effect.succeedNone : Effect.asSome(readKept(path, file))))
  )
  return Effect.gen(function* () {
    const earlier = yield* found
    if (Option.isSome(earlier)) return earlier.value
    yield* attempt(path, "made", () => mkdir(dirname(path), { recursive: true }))
    const made = yield* attempt(path, "made", () => publish(path))
    const kept = yield* found
    if (Option.isNone(kept)) return yield* new TokenFileError({ path, detail: "was removed while it was read" })
    return made ? { ...kept.value, found: "Made" } : kept.value
  })
}
