/**
 * Parses `DATABASE_URL`, and describes it without its password.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SecretConfig from "../../internal/input/SecretConfig.js"

/**
 * @since 0.1.0
 * @category models
 */
export type DatabaseUrl = Data.TaggedEnum<{
  SqliteMemory: {}
  SqliteFile: { readonly path: string }
  Postgres: {
    readonly url: Redacted.Redacted<string>
    readonly host: string
    readonly port: string
    readonly database: string
  }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const DatabaseUrl = Data.taggedEnum<DatabaseUrl>()

const defaultUrl = "sqlite:./data/toolkit.db"

/**
 * @since 0.1.0
 * @category constants
 */
export const acceptedForms = "sqlite:<file>, sqlite::memory: or postgres://user:password@host:5432/database"

const badPostgres = "is no postgres:// URL: percent-encode / ? # @ and other special characters of the password"

const parsePostgres = (text: string): Either.Either<DatabaseUrl, string> => {
  if (!URL.canParse(text)) return Either.left(badPostgres)
  const url = new URL(text)
  // an @ after the host means that the password contains / or ?, and that its first half now looks like a port
  if (url.hash !== "" || `${url.pathname}${url.search}`.includes("@")) return Either.left(badPostgres)
  return Either.right(
    DatabaseUrl.Postgres({
      url: Redacted.make(text),
      host: url.searchParams.get("host") ?? (url.hostname || "localhost"),
      port: url.port || "5432",
      database: url.pathname.slice(1) || url.username || "postgres"
    })
  )
}

/**
 * Left describes the problem, and never contains the text, which may hold a password.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (url: string | Redacted.Redacted<string>): Either.Either<DatabaseUrl, string> => {
  const text = (Redacted.isRedacted(url) ? Redacted.value(url) : url).trim()
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === "postgres" || scheme === "postgresql") return parsePostgres(text)
  if (scheme !== "sqlite") return Either.left(`has none of the accepted forms: expected ${acceptedForms}`)
  const path = text.slice("sqlite:".length).replace(/^\/\//, "")
  if (path === "") return Either.left(`names no file: expected ${acceptedForms}`)
  return Either.right(path === ":memory:" ? DatabaseUrl.SqliteMemory() : DatabaseUrl.SqliteFile({ path }))
}

/**
 * Describes the database without its password: `SQLite ./data/toolkit.db`, `Postgres db.example:5432/game`.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe: (url: DatabaseUrl) => string = DatabaseUrl.$match({
  SqliteMemory: () => "SQLite in memory",
  SqliteFile: ({ path }) => `SQLite ${path}`,
  Postgres: ({ database, host, port }) => `Postgres ${host}:${port}/${database}`
})

/**
 * Reads `DATABASE_URL`, or the file that `DATABASE_URL_FILE` names; `sqlite:./data/toolkit.db` by default. An empty
 * variable counts as unset.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<DatabaseUrl> = Config.mapOrFail(SecretConfig.make("DATABASE_URL"), (url) =>
  url.pipe(
    Option.getOrElse(() => defaultUrl),
    parse,
    Either.mapLeft((problem) => ConfigError.InvalidData(["DATABASE_URL"], problem))
  )
)
