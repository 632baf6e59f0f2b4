/**
 * The address of the server and the login: from structured settings, from a URL, or from the environment.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as SecretConfig from "../internal/input/SecretConfig.js"
import { integer, invalid, optionalInteger, optionalText, text, wholeNumber } from "../internal/input/VariableConfig.js"
import {
  type ClusterAddress,
  defaultPort,
  defaultSentinelPort,
  hostProblem,
  type NodeAddress,
  type RedisAddress,
  type RedisTls,
  type SentinelAddress
} from "./RedisAddress.js"
import * as RedisKey from "./RedisKey.js"
import { fromUrl } from "./RedisUrl.js"

export * from "./RedisAddress.js"
export { fromUrl } from "./RedisUrl.js"

/**
 * The client that the environment chooses.
 *
 * @since 0.1.0
 * @category models
 */
export type RedisChoice = Data.TaggedEnum<{
  /** `REDIS_ENABLED=false` */
  Disabled: {}
  /** none of `REDIS_URL`, `REDIS_HOST`, `REDIS_SENTINELS` and `REDIS_CLUSTER_NODES` is set */
  Unset: {}
  Server: { readonly address: RedisAddress }
  /** `REDIS_SENTINELS` */
  Sentinel: { readonly address: SentinelAddress }
  /** `REDIS_CLUSTER_NODES` */
  Cluster: { readonly address: ClusterAddress }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const RedisChoice = Data.taggedEnum<RedisChoice>()

const enabled = Config.mapOrFail(text("REDIS_ENABLED"), (value) => {
  const word = Option.getOrElse(value, () => "true")
    .trim()
    .toLowerCase()
  if (["true", "1", "yes", "on"].includes(word)) return Either.right(true)
  if (["false", "0", "no", "off"].includes(word)) return Either.right(false)
  return Either.left(invalid("REDIS_ENABLED", "expected true or false"))
})

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

/** The files of TLS: each of them switches TLS on, and a certificate needs its key. */
const tls = Config.mapOrFail(
  Config.all({
    caFile: optionalText("REDIS_TLS_CA_FILE"),
    certFile: optionalText("REDIS_TLS_CERT_FILE"),
    keyFile: optionalText("REDIS_TLS_KEY_FILE")
  }),
  (files): Either.Either<RedisTls | undefined, ConfigError.ConfigError> => {
    const { caFile, certFile, keyFile } = files
    if (certFile === undefined && keyFile === undefined) {
      return Either.right(caFile === undefined ? undefined : { caFile })
    }
    if (certFile === undefined) return Either.left(invalid("REDIS_TLS_KEY_FILE", "is set without REDIS_TLS_CERT_FILE"))
    if (keyFile === undefined) return Either.left(invalid("REDIS_TLS_CERT_FILE", "is set without REDIS_TLS_KEY_FILE"))
    return Either.right(files)
  }
)

/** A password of a file is read at each dial, since it may have changed. */
const login = Config.map(
  Config.all({
    username: optionalText("REDIS_USERNAME"),
    password: SecretConfig.optional("REDIS_PASSWORD"),
    passwordInFile: SecretConfig.inFile("REDIS_PASSWORD"),
    database: integer("REDIS_DB", 0, 999_999_999, 0)
  }),
  ({ passwordInFile, ...login }) => ({
    ...login,
    credentials:
      passwordInFile === undefined
        ? undefined
        : Effect.map(passwordInFile, (password) => ({ username: login.username, password }))
  })
)

/** Of variables that describe servers in one way or another. */
const parts = Config.all({
  url: SecretConfig.make("REDIS_URL"),
  host: Config.mapOrFail(text("REDIS_HOST"), (host) => {
    const name = Option.map(host, (host) => withoutBrackets(host.trim()))
    const problem = hostProblem(Option.getOrUndefined(name))
    return problem === undefined ? Either.right(name) : Either.left(invalid("REDIS_HOST", problem))
  }),
  port: Config.map(optionalInteger("REDIS_PORT", 1, 65535), Option.getOrUndefined),
  login,
  tls
})

type Parts = Config.Config.Success<typeof parts>

const byUrl = (url: Redacted.Redacted<string>, { tls }: Parts) =>
  fromUrl(url).pipe(
    Either.mapLeft((problem) => invalid("REDIS_URL", problem)),
    Either.flatMap((address) =>
      tls !== undefined && address.tls === undefined
        ? Either.left(
            invalid(
              tls.caFile === undefined ? "REDIS_TLS_CERT_FILE" : "REDIS_TLS_CA_FILE",
              "is set although REDIS_URL is not rediss://"
            )
          )
        : Either.right({ ...address, tls: tls ?? address.tls })
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

const withoutSentinels = ({ master, sentinelPassword, sentinelUsername, sentinels }: SentinelParts) => {
  if (sentinels.length > 0) return undefined
  const variable = firstSet({
    REDIS_SENTINEL_MASTER: master,
    REDIS_SENTINEL_USERNAME: sentinelUsername,
    REDIS_SENTINEL_PASSWORD: sentinelPassword
  })
  return variable === undefined ? undefined : invalid(variable, "is set although REDIS_SENTINELS is not")
}

/** The error for a variable that names servers beside one that names others. */
const besideOther = (
  variable: string,
  { host, port, url }: Parts,
  others: Readonly<Record<string, unknown>> = {}
): ConfigError.ConfigError | undefined => {
  const other = firstSet({
    REDIS_URL: Option.getOrUndefined(url),
    REDIS_HOST: Option.getOrUndefined(host),
    REDIS_PORT: port,
    ...others
  })
  return other === undefined ? undefined : invalid(variable, `is set although ${other} is set too: set one of them`)
}

const bySentinels = (
  parts: Parts,
  { master, sentinels, ...sentinelLogin }: SentinelParts
): Either.Either<RedisChoice, ConfigError.ConfigError> => {
  const { login, tls } = parts
  const problem = besideOther("REDIS_SENTINELS", parts)
  if (problem !== undefined) return Either.left(problem)
  if (master === undefined) {
    return Either.left(
      invalid(
        "REDIS_SENTINEL_MASTER",
        "is not set although REDIS_SENTINELS is: name the primary as `sentinel monitor` does"
      )
    )
  }
  return Either.right(
    RedisChoice.Sentinel({ address: { sentinels, master, ...login, tls, ...sentinelLogin, sentinelTls: tls } })
  )
}

const byCluster = (
  nodes: Arr.NonEmptyReadonlyArray<NodeAddress>,
  parts: Parts,
  { sentinels }: SentinelParts
): Either.Either<RedisChoice, ConfigError.ConfigError> => {
  const { database, ...login } = parts.login
  const problem = besideOther("REDIS_CLUSTER_NODES", parts, {
    REDIS_SENTINELS: Arr.head(sentinels).pipe(Option.getOrUndefined)
  })
  if (problem !== undefined) return Either.left(problem)
  return database === 0
    ? Either.right(RedisChoice.Cluster({ address: { nodes, ...login, tls: parts.tls } }))
    : Either.left(
        invalid("REDIS_DB", `is ${database} although REDIS_CLUSTER_NODES is set: a cluster has no database but 0`)
      )
}

/**
 * Reads the environment: `REDIS_ENABLED`, then `REDIS_CLUSTER_NODES`, then `REDIS_SENTINELS`, then `REDIS_URL`, then `REDIS_HOST` with `REDIS_PORT`,
 * `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_DB`. A wrong value is a `ConfigError` that names the variable and the accepted
 * form.
 *
 * - `REDIS_PASSWORD_FILE` names a file with the password, which is read again at each dial. `REDIS_URL_FILE` names a file with
 *   the URL.
 * - `REDIS_TLS_CA_FILE`, and `REDIS_TLS_CERT_FILE` with `REDIS_TLS_KEY_FILE`, belong to `rediss://`, or to `REDIS_HOST`, where
 *   they switch TLS on.
 * - `REDIS_SENTINELS` (`host:port,host:port`) and `REDIS_SENTINEL_MASTER` name sentinels and their primary. The servers'
 *   login is that of `REDIS_HOST`, and the sentinels' own is `REDIS_SENTINEL_USERNAME` with `REDIS_SENTINEL_PASSWORD`, or
 *   `REDIS_SENTINEL_PASSWORD_FILE`. The files of TLS are those of both.
 * - `REDIS_CLUSTER_NODES` (`host:port,host:port`) names servers of a cluster. The login of all servers, and the files of TLS, are
 *   those of `REDIS_HOST`.
 * - Only one of `REDIS_URL`, `REDIS_HOST`, `REDIS_SENTINELS` and `REDIS_CLUSTER_NODES` says where the servers are; of the first two
 *   `REDIS_URL` wins.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<RedisChoice> = Config.zipWith(
  enabled,
  Config.all({ parts, sentinelParts, clusterNodes: nodes("REDIS_CLUSTER_NODES", defaultPort) }),
  (enabled, { clusterNodes, parts, sentinelParts }): Either.Either<RedisChoice, ConfigError.ConfigError> => {
    if (!enabled) return Either.right(RedisChoice.Disabled())
    if (sentinelParts.sentinels.length > 0 && clusterNodes.length === 0) return bySentinels(parts, sentinelParts)
    const problem = withoutSentinels(sentinelParts)
    if (problem !== undefined) return Either.left(problem)
    if (Arr.isNonEmptyReadonlyArray(clusterNodes)) return byCluster(clusterNodes, parts, sentinelParts)
    const { host, login, port, tls, url } = parts
    if (Option.isSome(url)) return byUrl(url.value, parts)
    if (Option.isNone(host)) return Either.right(RedisChoice.Unset())
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
