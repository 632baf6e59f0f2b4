/** What tests must know of each server: its flags, and what it cannot do. */

/** What a test needs that a server may lack. */
export type Feature =
  | "a few megabytes of memory"
  | "a password that is replaced"
  | "BUSY replies"
  | "CLIENT TRACKING by prefix"
  | "cluster mode"
  | "counts of commands"
  | "maxclients"
  | "Redis 7.0's view of odd arguments"
  | "renamed commands"
  | "replicas"
  | "replies in Lua as Redis gives them"
  | "rights by channel"
  | "rights by subcommand"
  | "Sentinel"
  | "slow loading"
  | "TLS beside a plain port"

export interface StartOptions {
  readonly password?: string
  /** A write is in a file before it is acknowledged. On a server without such a file this changes nothing. */
  readonly keepsData?: boolean
  /** The server evicts any key beyond so many megabytes. */
  readonly evictsBeyondMegabytes?: number
  /** Flags as Redis and Valkey have them. Tests that give them name the feature that other servers lack. */
  readonly args?: ReadonlyArray<string>
}

export interface ServerKind {
  readonly name: "Redis" | "Valkey" | "Dragonfly"
  readonly program: string
  readonly args: (
    options: StartOptions & { readonly port: number; readonly directory: string }
  ) => ReadonlyArray<string>
  /** The reason for each feature that the server does not have. */
  readonly lacks: Readonly<Partial<Record<Feature, string>>>
  /** Whether acknowledged writes outlive SIGKILL of a server that was started with `keepsData`. */
  readonly keepsData: boolean
  /** Whether `CLIENT KILL TYPE normal` is known. */
  readonly killsByType: boolean
  /** The right that takes CLIENT KILL from a user who has all. */
  readonly withoutClientKill: string
}

const redisArgs: ServerKind["args"] = ({
  args = [],
  directory,
  evictsBeyondMegabytes,
  keepsData = false,
  password,
  port
}) => [
  ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", ""],
  // the kernel writes the file of a process that was killed: no fsync is needed
  ...(keepsData ? ["--appendonly", "yes", "--appendfsync", "no"] : ["--appendonly", "no"]),
  ...(password === undefined ? [] : ["--requirepass", password]),
  ...(evictsBeyondMegabytes === undefined
    ? []
    : ["--maxmemory", `${evictsBeyondMegabytes}mb`, "--maxmemory-policy", "allkeys-random"]),
  ...args
]

const likeRedis = {
  args: redisArgs,
  lacks: {},
  keepsData: true,
  killsByType: true,
  withoutClientKill: "-client|kill"
} as const

export const redis: ServerKind = { ...likeRedis, name: "Redis", program: "redis-server" }

export const valkey: ServerKind = {
  ...likeRedis,
  name: "Valkey",
  program: "valkey-server",
  lacks: {}
}

const dragonflyThreads = 2
/** Dragonfly does not start with less memory. */
const leastMegabytesPerThread = 256

export const dragonfly: ServerKind = {
  name: "Dragonfly",
  program: "dragonfly",
  args: ({ args = [], directory, evictsBeyondMegabytes = 0, password, port }) => {
    if (args.length > 0) throw new Error(`Dragonfly does not know these flags of Redis: ${args.join(" ")}`)
    const megabytes = Math.max(evictsBeyondMegabytes, leastMegabytesPerThread * dragonflyThreads)
    return [
      ...[`--port=${port}`, "--bind=127.0.0.1", `--dir=${directory}`, "--dbfilename=", "--version_check=false"],
      ...[`--proactor_threads=${dragonflyThreads}`, `--maxmemory=${megabytes}mb`],
      ...(password === undefined ? [] : [`--requirepass=${password}`]),
      ...(evictsBeyondMegabytes === 0 ? [] : ["--cache_mode=true"])
    ]
  },
  lacks: {
    "a few megabytes of memory": "it needs 256 MB a thread",
    "a password that is replaced": "its first password still logs in",
    "BUSY replies": "its answer to endless scripts was not measured",
    "CLIENT TRACKING by prefix": "it tracks the keys that a connection has read",
    "cluster mode": "its nodes are joined by another program",
    "counts of commands": "its INFO commandstats was not measured",
    maxclients: "it has no maxclients as Redis has it",
    "Redis 7.0's view of odd arguments": "it takes and rejects other odd arguments",
    "renamed commands": "its flag for it is another",
    replicas: "its replication was not measured",
    "replies in Lua as Redis gives them": "its Lua is 5.4, and scores are numbers there",
    "rights by channel": "its rights by channel were not measured",
    "rights by subcommand": "its ACL knows whole commands",
    Sentinel: "it has none of its own, and its replication was not measured",
    "slow loading": "Redis' flags for it end it at its start",
    "TLS beside a plain port": "with TLS it has no plain port"
  },
  keepsData: false,
  killsByType: false,
  withoutClientKill: "-client"
}

/** In the order in which they are preferred. */
export const all: ReadonlyArray<ServerKind> = [redis, valkey, dragonfly]

/** Which server answered INFO so. Dragonfly and Valkey say `redis_version` as well. */
export const ofInfo = (info: string): ServerKind =>
  /^dragonfly_version:/m.test(info) ? dragonfly : /^valkey_version:/m.test(info) ? valkey : redis

/** Why a test that needs these features cannot run on a server. */
export const lacking = (kind: ServerKind, needs: ReadonlyArray<Feature>): string | undefined => {
  const reasons = needs.flatMap((feature) => {
    const reason = kind.lacks[feature]
    return reason === undefined ? [] : [`${kind.name} lacks ${feature}: ${reason}`]
  })
  return reasons.length === 0 ? undefined : reasons.join("; ")
}
