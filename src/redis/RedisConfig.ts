/**
 * The address of the server and the login: from structured settings, from a URL, or from the environment.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SecretConfig from "../internal/SecretConfig.js"
import { integer, invalid, optionalInteger, optionalText, text, wholeNumber } from "../internal/VariableConfig.js"
import * as RedisKey from "./RedisKey.js"

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
 * Where one of several servers is reached.
 *
 * @since 0.2.0
 * @category models
 */
export interface NodeAddress {
  /** a name or an IP address */
  readonly host: string
  readonly port: number
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
  readonly mapAddress?: ((announced: NodeAddress) => NodeAddress) | undefined
  /** how often the slots are read while nothing asks for it: default 30 seconds */
  readonly refreshInterval?: Duration.DurationInput | undefined
}

/**
 * Where sentinels are, which primary they are asked for, and how to log in. The login of the servers and that of the sentinels
 * are independent of each other.
 *
 * @since 0.2.0
 * @category models
 */
export interface SentinelAddress extends Omit<RedisAddress, "host" | "port"> {
  /** one or more sentinels; the client learns the others from them. The default port is 26379 */
  readonly sentinels: ReadonlyArray<{ readonly host: string; readonly port?: number | undefined }>
  /** the name of the primary, as `sentinel monitor` has it */
  readonly master: string
  /** ACL user of the sentinels */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: Redacted.Redacted<string> | undefined
  readonly sentinelTls?: RedisTls | undefined
  /** the address at which this program reaches an address that a sentinel announces, as behind NAT: default the same */
  readonly mapAddress?: ((announced: NodeAddress) => NodeAddress) | undefined
  /** for the dial of a sentinel and its answer together: default 1 second */
  readonly sentinelTimeout?: Duration.DurationInput | undefined
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
  /** none of `REDIS_URL`, `REDIS_HOST` and `REDIS_SENTINELS` is set */
  Unset: {}
  Server: { readonly address: RedisAddress }
  /** `REDIS_SENTINELS` */
  Sentinel: { readonly address: SentinelAddress }
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
 * @since 0.2.0
 * @category constants
 */
export const defaultSentinelPort = 26_379

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

const enabled = Config.mapOrFail(text("REDIS_ENABLED"), (value) => {
  const word = Option.getOrElse(value, () => "true")
    .trim()
    .toLowerCase()
  if (["true", "1", "yes", "on"].includes(word)) return Either.right(true)
  if (["false", "0", "no", "off"].includes(word)) return Either.right(false)
  return Either.left(invalid("REDIS_ENABLED", "expected true or false"))
})

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

/** Of variables that describe servers in one way or another. */
const parts = Config.all({
  url: SecretConfig.make("REDIS_URL"),
  host: Config.mapOrFail(text("REDIS_HOST"), (host) => {
    const name = Option.map(host, (host) => withoutBrackets(host.trim()))
    const problem = hostProblem(Option.getOrUndefined(name))
    return problem === undefined ? Either.right(name) : Either.left(invalid("REDIS_HOST", problem))
  }),
  port: Config.map(optionalInteger("REDIS_PORT", 1, 65535), Option.getOrUndefined),
  login: Config.all({
    username: optionalText("REDIS_USERNAME"),
    password: SecretConfig.optional("REDIS_PASSWORD"),
    database: integer("REDIS_DB", 0, 999_999_999, 0)
  }),
  caFile: optionalText("REDIS_TLS_CA_FILE")
})

type Parts = Config.Config.Success<typeof parts>

const byUrl = (url: Redacted.Redacted<string>, { caFile }: Parts) =>
  fromUrl(url).pipe(
    Either.mapLeft((problem) => invalid("REDIS_URL", problem)),
    Either.flatMap((address) =>
      caFile !== undefined && address.tls === undefined
        ? Either.left(invalid("REDIS_TLS_CA_FILE", "is set although REDIS_URL is not rediss://"))
        : Either.right({ ...address, ...(address.tls === undefined ? {} : { tls: { caFile } }) })
    ),
    Either.map((address) => RedisChoice.Server({ address }))
  )

const nodeForm = "host:port,host:port, where an IPv6 address stands in brackets"

/** Parses `host:port,host:port` of a variable. A port may be left out. */
const nodes = (name: string, fallbackPort: number) =>
  Config.mapOrFail(text(name), (list) => {
    if (Option.isNone(list)) return Either.right([])
    const found: Array<NodeAddress> = []
    for (const item of list.value.split(",").map((item) => item.trim())) {
      const named = /^(?<host>\[[^\]]*\]|[^:[\]]*)(?::(?<port>\d+))?$/.exec(item)?.groups
      const host = withoutBrackets(named?.host ?? "")
      const port = named?.port === undefined ? fallbackPort : wholeNumber(named.port)
      // a text that is no host may hold a password
      if (host === "" || hostProblem(host) !== undefined) return Either.left(invalid(name, `expected ${nodeForm}`))
      if (port === undefined || port < 1 || port > 65535) {
        return Either.left(invalid(name, `has a port that is not between 1 and 65535 at ${host}`))
      }
      found.push({ host, port })
    }
    return Either.right(found)
  })

const sentinelParts = Config.all({
  sentinels: nodes("REDIS_SENTINELS", defaultSentinelPort),
  master: optionalText("REDIS_SENTINEL_MASTER"),
  sentinelUsername: optionalText("REDIS_SENTINEL_USERNAME"),
  sentinelPassword: SecretConfig.optional("REDIS_SENTINEL_PASSWORD")
})

type SentinelParts = Config.Config.Success<typeof sentinelParts>

/** The name of the first variable that is set. */
const firstSet = (variables: Readonly<Record<string, unknown>>): string | undefined =>
  Object.keys(variables).find((name) => variables[name] !== undefined)

const withoutSentinels = ({ master, sentinelPassword, sentinelUsername }: SentinelParts) => {
  const variable = firstSet({
    REDIS_SENTINEL_MASTER: master,
    REDIS_SENTINEL_USERNAME: sentinelUsername,
    REDIS_SENTINEL_PASSWORD: sentinelPassword
  })
  return variable === undefined ? undefined : invalid(variable, "is set although REDIS_SENTINELS is not")
}

const bySentinels = (
  { caFile, host, login, port, url }: Parts,
  { master, sentinels, ...sentinelLogin }: SentinelParts
): Either.Either<RedisChoice, ConfigError.ConfigError> => {
  const other = firstSet({
    REDIS_URL: Option.getOrUndefined(url),
    REDIS_HOST: Option.getOrUndefined(host),
    REDIS_PORT: port
  })
  if (other !== undefined) {
    return Either.left(invalid("REDIS_SENTINELS", `is set although ${other} is set too: set one of them`))
  }
  if (master === undefined) {
    return Either.left(
      invalid(
        "REDIS_SENTINEL_MASTER",
        "is not set although REDIS_SENTINELS is: name the primary as `sentinel monitor` does"
      )
    )
  }
  const tls = caFile === undefined ? undefined : { caFile }
  return Either.right(
    RedisChoice.Sentinel({ address: { sentinels, master, ...login, tls, ...sentinelLogin, sentinelTls: tls } })
  )
}

/**
 * Reads the environment: `REDIS_ENABLED`, then `REDIS_SENTINELS`, then `REDIS_URL`, then `REDIS_HOST` with `REDIS_PORT`,
 * `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_DB`. A wrong value is a `ConfigError` that names the variable and the accepted
 * form.
 *
 * - `REDIS_PASSWORD_FILE` names a file with the password, and `REDIS_URL_FILE` a file with the URL.
 * - `REDIS_TLS_CA_FILE` belongs to `rediss://`, or to `REDIS_HOST`, where it switches TLS on.
 * - `REDIS_SENTINELS` (`host:port,host:port`) and `REDIS_SENTINEL_MASTER` name sentinels and their primary. The servers'
 *   login is that of `REDIS_HOST`, and the sentinels' own is `REDIS_SENTINEL_USERNAME` with `REDIS_SENTINEL_PASSWORD`, or
 *   `REDIS_SENTINEL_PASSWORD_FILE`. `REDIS_TLS_CA_FILE` switches TLS on for both.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<RedisChoice> = Config.zipWith(
  enabled,
  Config.all({ parts, sentinelParts }),
  (enabled, { parts, sentinelParts }): Either.Either<RedisChoice, ConfigError.ConfigError> => {
    if (!enabled) return Either.right(RedisChoice.Disabled())
    if (sentinelParts.sentinels.length > 0) return bySentinels(parts, sentinelParts)
    const problem = withoutSentinels(sentinelParts)
    if (problem !== undefined) return Either.left(problem)
    const { caFile, host, login, port, url } = parts
    if (Option.isSome(url)) return byUrl(url.value, parts)
    if (Option.isNone(host)) return Either.right(RedisChoice.Unset())
    const tls = caFile === undefined ? undefined : { caFile }
    return Either.right(RedisChoice.Server({ address: { host: host.value, port: port ?? defaultPort, ...login, tls } }))
  }
).pipe(Config.mapOrFail((choice) => choice))

/**
 * Reads `REDIS_KEY_PREFIX`: what stands before every key, channel and pattern. Undefined when it is unset or empty.
 *
 * @since 0.2.0
 * @category config
 */
export const keyPrefix: Config.Config<string | undefined> = Config.mapOrFail(text("REDIS_KEY_PREFIX"), (value) => {
  const prefix = Option.getOrUndefined(value)
  const problem = prefix === undefined ? undefined : RedisKey.prefixProblem(prefix)
  return problem === undefined ? Either.right(prefix) : Either.left(invalid("REDIS_KEY_PREFIX", `expected ${problem}`))
})

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

/**
 * The address of one of several servers, as `host:port`.
 *
 * @since 0.2.0
 * @category utils
 */
export const describeNode = ({ host, port }: NodeAddress): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`

/**
 * The addresses of sentinels and the name of their primary, without logins:
 * `redis-sentinel://one:26379,two:26379/0#mymaster`.
 *
 * @since 0.2.0
 * @category utils
 */
export const describeSentinels = ({ database = 0, master, sentinels }: SentinelAddress): string => {
  const hosts = sentinels.map(({ host, port = defaultSentinelPort }) =>
    describeNode({ host: hostProblem(host) === undefined ? host : "(no host name)", port })
  )
  return `redis-sentinel://${hosts.join(",")}/${database}#${master}`
}
