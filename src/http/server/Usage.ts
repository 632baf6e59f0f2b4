/**
 * The text that `--help` of the server prints. It imports nothing: the server answers before it loads what it runs.
 *
 * @internal
 */

type Variable = readonly [name: string, fallback: string, meaning: string]

/** The variables as the README lists them, in fewer words. */
const variables: Readonly<Record<string, ReadonlyArray<Variable>>> = {
  HTTP: [
    ["HOST", "127.0.0.1", "address to listen on"],
    ["PORT", "3000", "0 takes any free one"],
    ["ALLOWED_HOSTS", "", "names that a proxy on this machine passes on as Host"],
    ["API_TOKEN", "", "bearer token for writes; without one it is made and kept in a file, which the log names"],
    ["API_TOKEN_FILE", "", "a file that holds API_TOKEN"],
    ["HTTP_RATE_LIMIT", "", "600/60: so many requests of each client in so many seconds"]
  ],
  "Redis: none of REDIS_URL, REDIS_HOST, REDIS_SENTINELS and REDIS_CLUSTER_NODES embeds one in the process": [
    ["REDIS_ENABLED", "true", "false: every read comes from the database"],
    ["REDIS_URL", "", "redis://[username][:password@]host[:port][/database], rediss:// for TLS, or unix:///path"],
    ["REDIS_URL_FILE", "", "a file that holds REDIS_URL"],
    ["REDIS_HOST", "", "in the place of REDIS_URL, with the variables below"],
    ["REDIS_PORT", "6379", ""],
    ["REDIS_USERNAME", "", "ACL user"],
    ["REDIS_PASSWORD", "", "as it is; only in REDIS_URL special characters are percent-encoded"],
    ["REDIS_PASSWORD_FILE", "", "a file that holds REDIS_PASSWORD, read again at each dial"],
    ["REDIS_DB", "0", "database index"],
    ["REDIS_SENTINELS", "", "sentinels as host:port,host:port"],
    ["REDIS_SENTINEL_MASTER", "", "the name of the primary"],
    ["REDIS_SENTINEL_USERNAME", "", "ACL user of the sentinels"],
    ["REDIS_SENTINEL_PASSWORD", "", "password of the sentinels"],
    ["REDIS_SENTINEL_PASSWORD_FILE", "", "a file that holds REDIS_SENTINEL_PASSWORD"],
    ["REDIS_CLUSTER_NODES", "", "servers of a cluster as host:port,host:port"],
    ["REDIS_TLS_CA_FILE", "", "certificate authorities (PEM) to trust"],
    ["REDIS_TLS_CERT_FILE", "", "certificate of this client (PEM)"],
    ["REDIS_TLS_KEY_FILE", "", "the key of that certificate (PEM)"],
    ["REDIS_KEY_PREFIX", "", "what stands before every key and channel"]
  ],
  "Cache: seconds that a value stays in it": [
    ["CACHE_USER_PROFILE_TTL", "300", ""],
    ["CACHE_BALANCE_TTL", "60", ""],
    ["CACHE_LEADERBOARD_TTL", "30", ""],
    ["CACHE_STATS_TTL", "120", ""],
    ["CACHE_GAME_STATE_TTL", "3600", ""],
    ["CACHE_LOCAL_TTL", "0", "how long each of these is also kept in the process"]
  ],
  Database: [
    ["DATABASE_URL", "sqlite:./data/toolkit.db", "or sqlite::memory:, or postgres://user:password@host:5432/database"],
    ["DATABASE_URL_FILE", "", "a file that holds DATABASE_URL"]
  ],
  "Log and telemetry": [
    ["LOG_FORMAT", "", "json, logfmt or pretty; by default pretty on a terminal, else logfmt"],
    ["LOG_LEVEL", "info", "debug, info, warning, error or none"],
    ["OTEL_*", "", "those of OpenTelemetry, such as OTEL_EXPORTER_OTLP_ENDPOINT"]
  ]
}

const shown = ([name, fallback]: Variable): string => (fallback === "" ? name : `${name}=${fallback}`)

const width = Math.max(...Object.values(variables).flatMap((members) => members.map((each) => shown(each).length)))

const lineOf = (variable: Variable): string => `  ${shown(variable).padEnd(width)}  ${variable[2]}`.trimEnd()

const groups = Object.entries(variables).map(([title, members]) => [title, ...members.map(lineOf)].join("\n"))

export const text = `Usage: bun start [--help] [--version]

Serves the HTTP API of effect-cache-toolkit, its docs and its dashboard. GET / leads to all of them.
Variables configure it, also in a file .env of the working directory. An empty one counts as unset.

${groups.join("\n\n")}`
