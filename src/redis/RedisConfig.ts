/**
 * The address of the server and the login: from structured settings, from a URL, or from the environment.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SecretConfig from "../internal/SecretConfig.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisAddress {
  /** a name or an IP address, not a path or URL: default 127.0.0.1 */
  readonly host?: string | undefined
  /** default 6379 */
  readonly port?: number | undefined
  /** ACL user, from Redis 6 on */
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
  /** database index: default 0 */
  readonly database?: number | undefined
  readonly tls?: RedisTls | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTls {
  /** PEM file with the certificate authorities to trust, instead of the system's */
  readonly caFile?: string | undefined
  /** the name that the server's certificate must hold, when it is not the host's */
  readonly serverName?: string | undefined
}

/**
 * The address of a cluster, and the login that all of its servers take.
 *
 * @since 0.2.0
 * @category models
 */
export interface ClusterAddress extends Pick<RedisAddress, "username" | "password" | "tls"> {
  /** servers of the cluster: one that answers is enough to find the others */
  readonly nodes: NonEmptyReadonlyArray<Pick<RedisAddress, "host" | "port">>
  /** Where a server is reached that the cluster announces at an address, as behind NAT. Default: there */
  readonly mapAddress?:
    | ((announced: { readonly host: string; readonly port: number }) => {
        readonly host: string
        readonly port: number
      })
    | undefined
  /** how often the slots are read while nothing asks for it: default 30 seconds */
  readonly refreshInterval?: Duration.DurationInput | undefined
}

/**
 * The client that the environment chooses.
 *
 * @since 0.1.0
 * @category models
 */
export type RedisChoice = Data.TaggedEnum<{
  /** `REDIS_ENABLED=false` */
  Disabled: {}
  /** neither `REDIS_URL` nor `REDIS_HOST` is set */
  Unset: {}
  Server: { readonly address: RedisAddress }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const RedisChoice = Data.taggedEnum<RedisChoice>()

/**
 * @since 0.1.0
 * @category constants
 */
export const defaultHost = "127.0.0.1"

/**
 * @since 0.1.0
 * @category constants
 */
export const defaultPort = 6379

/**
 * Why a text is no host; undefined when it may be one. It never repeats the text, which may hold a password.
 *
 * @since 0.1.0
 * @category utils
 */
export const hostProblem = (host: string | undefined): string | undefined => {
  if (host === undefined) return undefined
  if (/:\/\//.test(host)) return "is a URL: set REDIS_URL instead"
  if (host.includes("@")) return "holds a user name or password: set REDIS_USERNAME and REDIS_PASSWORD, or REDIS_URL"
  if (/[/\\]/.test(host)) return "is a path: unix sockets are not supported, name a host and its port"
  if (/^[^:]*:[^:]*$/.test(host)) return "holds a port: set REDIS_PORT"
  return host === "" || /[\s?#[\]]/.test(host) ? "is no host name" : undefined
}

const urlForm = "redis://[username][:password@]host[:port][/database], or rediss:// for TLS"

const unescapedLogin =
  "has a user name or password with one of the characters / ? # in it: escape them as %2F %3F %23 (encodeURIComponent), " +
  "or set REDIS_HOST, REDIS_USERNAME and REDIS_PASSWORD instead"

/** Decodes percent escapes; none when they are malformed or not UTF-8. */
const unescape = (text: string): Option.Option<string> => Option.liftThrowable(decodeURIComponent)(text)

const wholeNumber = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined)

/**
 * Parses a URL (`redis://` or `rediss://`) to an address. Left says what is wrong, and never holds the URL itself,
 * since that may hold a password.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUrl = (url: Redacted.Redacted<string>): Either.Either<RedisAddress, string> => {
  const parts =
    /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<login>[^/?#]*)@)?(?<host>\[[0-9a-f:.%]+\]|[^:/?#@[\]]*)(?::(?<port>[^/?#]*))?(?:\/(?<database>[^?#]*))?(?<rest>[?#].*)?$/is.exec(
      Redacted.value(url).trim()
    )?.groups
  if (parts === undefined) return Either.left(`is no URL of the form ${urlForm}; escape special characters with %`)
  const scheme = (parts.scheme ?? "").toLowerCase()
  if (scheme !== "redis" && scheme !== "rediss") return Either.left(`has the scheme ${scheme}://; expected ${urlForm}`)
  const rest = Redacted.value(url)
    .trim()
    .slice(scheme.length + "://".length)
  if (parts.login === undefined && rest.includes("@")) return Either.left(unescapedLogin)
  if (parts.rest !== undefined) {
    return Either.left(`has a query or fragment; the database is the path, as in ${urlForm}`)
  }
  if (!parts.host) return Either.left(`has no host; expected ${urlForm}`)

  const port = parts.port === undefined ? 6379 : wholeNumber(parts.port)
  if (port === undefined || port < 1 || port > 65535) return Either.left("has a port that is not between 1 and 65535")
  const database = parts.database === undefined || parts.database === "" ? 0 : wholeNumber(parts.database)
  if (database === undefined) return Either.left("has a path that is not a database index such as /0")

  const colon = parts.login?.indexOf(":") ?? -1
  const username = unescape(colon < 0 ? (parts.login ?? "") : (parts.login ?? "").slice(0, colon))
  const password = unescape(colon < 0 ? "" : (parts.login ?? "").slice(colon + 1))
  if (Option.isNone(username) || Option.isNone(password)) {
    return Either.left("has a user name or password with a wrong % escape; escape it with encodeURIComponent")
  }
  return Either.right({
    host: parts.host.replace(/^\[(.*)\]$/, "$1"),
    port,
    database,
    username: username.value === "" ? undefined : username.value,
    password: password.value === "" ? undefined : Redacted.make(password.value),
    tls: scheme === "rediss" ? {} : undefined
  })
}

const invalid = (variable: string, problem: string) => ConfigError.InvalidData([variable], problem)

const optional = <A>(config: Config.Config<A>) => Config.option(config)

/** Empty variables count as unset: compose files and panels pass a field that is not filled in as an empty text. */
const text = (name: string) =>
  Config.map(
    optional(Config.string(name)),
    Option.filter((value) => value.trim() !== "")
  )

const integer = (name: string, minimum: number, maximum: number, fallback: number) =>
  Config.mapOrFail(text(name), (value) => {
    if (Option.isNone(value)) return Either.right(fallback)
    const number = wholeNumber(value.value.trim())
    return number === undefined || number < minimum || number > maximum
      ? Either.left(invalid(name, `expected a whole number from ${minimum} to ${maximum}`))
      : Either.right(number)
  })

const enabled = Config.mapOrFail(text("REDIS_ENABLED"), (value) => {
  const word = Option.getOrElse(value, () => "true")
    .trim()
    .toLowerCase()
  if (["true", "1", "yes", "on"].includes(word)) return Either.right(true)
  if (["false", "0", "no", "off"].includes(word)) return Either.right(false)
  return Either.left(invalid("REDIS_ENABLED", "expected true or false"))
})

const caFile = Config.map(text("REDIS_TLS_CA_FILE"), Option.getOrUndefined)

const fromParts = Config.all({
  host: Config.mapOrFail(text("REDIS_HOST"), (host) => {
    const name = Option.map(host, (host) => host.trim().replace(/^\[(.*)\]$/, "$1"))
    const problem = hostProblem(Option.getOrUndefined(name))
    return problem === undefined ? Either.right(name) : Either.left(invalid("REDIS_HOST", problem))
  }),
  port: integer("REDIS_PORT", 1, 65535, 6379),
  username: Config.map(text("REDIS_USERNAME"), Option.getOrUndefined),
  password: Config.map(SecretConfig.make("REDIS_PASSWORD"), Option.getOrUndefined),
  database: integer("REDIS_DB", 0, 999_999_999, 0)
})

/**
 * Reads the environment: `REDIS_ENABLED`, then `REDIS_URL`, then `REDIS_HOST` with `REDIS_PORT`, `REDIS_USERNAME`,
 * `REDIS_PASSWORD` and `REDIS_DB`. A wrong value is a `ConfigError` that names the variable and the accepted form.
 *
 * - `REDIS_PASSWORD_FILE` names a file with the password, and `REDIS_URL_FILE` a file with the URL.
 * - `REDIS_TLS_CA_FILE` belongs to `rediss://`, or to `REDIS_HOST`, where it switches TLS on.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<RedisChoice> = Config.all({
  enabled,
  url: SecretConfig.make("REDIS_URL"),
  caFile
}).pipe(
  Config.mapOrFail(({ enabled, url, caFile }) => {
    if (!enabled) return Either.right(Option.some<RedisChoice>(RedisChoice.Disabled()))
    if (Option.isNone(url)) return Either.right(Option.none<RedisChoice>())
    return fromUrl(url.value).pipe(
      Either.mapLeft((problem) => invalid("REDIS_URL", problem)),
      Either.flatMap((address) =>
        caFile !== undefined && address.tls === undefined
          ? Either.left(invalid("REDIS_TLS_CA_FILE", "is set although REDIS_URL is not rediss://"))
          : Either.right({ ...address, ...(address.tls === undefined ? {} : { tls: { caFile } }) })
      ),
      Either.map((address) => Option.some<RedisChoice>(RedisChoice.Server({ address })))
    )
  }),
  Config.zipWith(Config.all({ parts: fromParts, caFile }), (chosen, { parts: { host, ...rest }, caFile }) =>
    Option.getOrElse(chosen, () =>
      Option.match(host, {
        onNone: () => RedisChoice.Unset(),
        onSome: (host) =>
          RedisChoice.Server({ address: { host, ...rest, tls: caFile === undefined ? undefined : { caFile } } })
      })
    )
  )
)

/**
 * An address as a person may see it: no user, no password.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe = (address: RedisAddress): string => {
  // a text that is no host may hold a password
  const host = hostProblem(address.host) === undefined ? (address.host ?? defaultHost) : "(no host name)"
  return (
    `${address.tls === undefined ? "redis" : "rediss"}://${host.includes(":") ? `[${host}]` : host}` +
    `:${address.port ?? defaultPort}/${address.database ?? 0}`
  )
}
