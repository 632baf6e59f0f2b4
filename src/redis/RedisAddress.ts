/**
 * Where servers are and how to log in, as values.
 *
 * @since 0.2.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisAddress {
  /** the path of a unix socket, in place of `host` and `port`: default none */
  readonly path?: string | undefined
  /** a name or an IP address, not a path or URL: default 127.0.0.1 */
  readonly host?: string | undefined
  /** the port of the server: default 6379 */
  readonly port?: number | undefined
  /** ACL user, from Redis 6 on: default the user `default` */
  readonly username?: string | undefined
  /** the password of the user: default none */
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Asked for the login at each dial, in place of `username` and `password`: for passwords that change, and for tokens that
   * expire. Its failure, or its defect, stands in the status as a `RedisConnectError` with reason `Credentials`, and the client
   * reads it once more before the next dial. `connectTimeout` bounds it. Default none
   */
  readonly credentials?: Effect.Effect<RedisCredentials, unknown> | undefined
  /** database index: default 0 */
  readonly database?: number | undefined
  /** encrypts the connection: default no TLS */
  readonly tls?: RedisTls | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTls {
  /** PEM file with the certificate authorities to trust: default those of the system */
  readonly caFile?: string | undefined
  /** the name that the server's certificate must hold: default the host's */
  readonly serverName?: string | undefined
  /** PEM file with the certificate of this client, where the server asks for one; with `keyFile`: default none */
  readonly certFile?: string | undefined
  /** PEM file with the key of `certFile`: default none */
  readonly keyFile?: string | undefined
  /**
   * `false` takes any certificate, so that a machine on the way can read and change everything. A warning says so at each
   * start. Default true
   */
  readonly rejectUnauthorized?: boolean | undefined
}

/**
 * A login.
 *
 * @since 0.2.0
 * @category models
 */
export interface RedisCredentials {
  /** ACL user: default that of the address */
  readonly username?: string | undefined
  /** the password of the user */
  readonly password: Redacted.Redacted<string>
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
export interface ClusterAddress extends Pick<RedisAddress, "username" | "password" | "credentials" | "tls"> {
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
export interface SentinelAddress extends Omit<RedisAddress, "path" | "host" | "port"> {
  /** one or more sentinels; the client learns the others from them. The default port is 26379 */
  readonly sentinels: ReadonlyArray<{ readonly host: string; readonly port?: number | undefined }>
  /** the name of the primary, as `sentinel monitor` has it */
  readonly master: string
  /** ACL user of the sentinels: default the user `default` */
  readonly sentinelUsername?: string | undefined
  /** the password of that user: default none */
  readonly sentinelPassword?: Redacted.Redacted<string> | undefined
  /** encrypts the connections to sentinels: default no TLS */
  readonly sentinelTls?: RedisTls | undefined
  /** the address at which this program reaches an address that a sentinel announces, as behind NAT: default the same */
  readonly mapAddress?: ((announced: NodeAddress) => NodeAddress) | undefined
  /** for the dial of a sentinel and its answer together: default 1 second */
  readonly sentinelTimeout?: Duration.DurationInput | undefined
}

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
  if (/[/\\]/.test(host)) return "is a path: set REDIS_URL=unix:///path/of/the/socket instead"
  if (/^[^:]*:[^:]*$/.test(host)) return "holds a port: set REDIS_PORT"
  return host === "" || /[\s?#[\]]/.test(host) ? "is no host name" : undefined
}

/**
 * An address as a person may see it: no user, no password.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe = (address: RedisAddress): string => {
  if (address.path !== undefined) {
    return `unix://${address.path}${address.database === undefined || address.database === 0 ? "" : `?db=${address.database}`}`
  }
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

const describeNodes = (nodes: ReadonlyArray<Pick<RedisAddress, "host" | "port">>, fallbackPort: number): string =>
  nodes
    .map(({ host = defaultHost, port = fallbackPort }) =>
      // a text that is no host may hold a password
      describeNode({ host: hostProblem(host) === undefined ? host : "(no host name)", port })
    )
    .join(",")

/**
 * The addresses of sentinels and the name of their primary, without logins:
 * `redis-sentinel://one:26379,two:26379/0#mymaster`.
 *
 * @since 0.2.0
 * @category utils
 */
export const describeSentinels = ({ database = 0, master, sentinels }: SentinelAddress): string => {
  return `redis-sentinel://${describeNodes(sentinels, defaultSentinelPort)}/${database}#${master}`
}

/**
 * The addresses of servers of a cluster, without a login: `redis-cluster://one:6379,two:6379`.
 *
 * @since 0.2.0
 * @category utils
 */
export const describeCluster = ({ nodes, tls }: ClusterAddress): string =>
  `${tls === undefined ? "redis" : "rediss"}-cluster://${describeNodes(nodes, defaultPort)}`
