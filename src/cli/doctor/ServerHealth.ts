/**
 * What INFO says of a server: version, role, replicas, eviction, memory, clients and persistence.
 *
 * @internal
 */
import * as Option from "effect/Option"
import { megabytes } from "../frame/ServerInfo.js"
import type { Finding } from "./Finding.js"
import { numberOf, type Server } from "./Server.js"

const percent = (share: number): string => `${Math.round(share * 100)} %`

/** The oldest version of each server on which the suites have run. */
const tried: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  Redis: [7, 0],
  Valkey: [8, 0],
  Dragonfly: [1, 40]
}

const version = ({ address, name }: Server): Finding => {
  const finding = { check: "version", server: address } as const
  if (Option.isNone(name)) {
    return { ...finding, level: "note", message: "the user may not run INFO, so that the version is not known" }
  }
  const { name: product, version } = name.value
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const message = `${product} ${version}`
  const [triedMajor, triedMinor] = tried[product] ?? [0, 0]
  if (major > triedMajor || (major === triedMajor && minor >= triedMinor)) return { ...finding, level: "ok", message }
  return {
    ...finding,
    level: "warning",
    message: `${message} is older than any on which the toolkit's tests have run (${triedMajor}.${triedMinor})`,
    remedy: "update the server; docs/servers.md lists what works on older ones"
  }
}

const role = (server: Server): Finding => {
  const role = server.info.get("role")
  const finding = { check: "role", server: server.address } as const
  if (role === "slave" || role === "replica") {
    const primary = `${server.info.get("master_host") ?? "?"}:${server.info.get("master_port") ?? "?"}`
    return {
      ...finding,
      level: "error",
      message: `it is a replica of ${primary} and takes no writes`,
      remedy:
        "name the primary's address in REDIS_URL or REDIS_HOST, or follow failovers by REDIS_SENTINELS or " +
        "REDIS_CLUSTER_NODES"
    }
  }
  return { ...finding, level: "ok", message: role === undefined ? "it does not report its role" : "it is a primary" }
}

/** The lag of the slowest replica, in seconds. A replica that is not online has none. */
const replicasOf = (server: Server) =>
  [...server.info]
    .filter(([field]) => /^slave\d+$/.test(field))
    .map(([, value]) => ({ isOnline: value.includes("state=online"), lag: Number(/lag=(\d+)/.exec(value)?.[1] ?? 0) }))

/** A replica that acknowledged nothing for so many seconds may lack writes at a failover. */
const worryingLagSeconds = 5

const replicas = (server: Server, isReplicated: boolean): ReadonlyArray<Finding> => {
  if (server.info.get("role") !== "master") return []
  const finding = { check: "replicas", server: server.address } as const
  const found = replicasOf(server)
  if (found.length === 0) {
    return isReplicated
      ? [
          {
            ...finding,
            level: "warning",
            message: "it has no replica, so that its keys are away until it is back",
            remedy: "add one: redis-cli --cluster add-node … --cluster-slave, or replicaof for Sentinel"
          }
        ]
      : [{ ...finding, level: "note", message: "it has no replica: one server is all there is" }]
  }
  const behind = found.filter(({ isOnline, lag }) => !isOnline || lag > worryingLagSeconds)
  return [
    behind.length === 0
      ? { ...finding, level: "ok", message: `${found.length} in step` }
      : {
          ...finding,
          level: "warning",
          message: `${behind.length} of ${found.length} replicas are behind or not online: a failover now would lose writes`,
          remedy: "look at INFO replication there, at the network between, and at client-output-buffer-limit replica"
        }
  ]
}

/** Full enough that the next burst of writes is refused or evicts. */
const nearlyFull = 0.9

const raise = "raise it: CONFIG SET maxmemory <bytes>, and maxmemory in the server's configuration"
const evict = "let it evict where it only caches: CONFIG SET maxmemory-policy allkeys-lru"

const memory = (server: Server): Finding => {
  const finding = { check: "memory", server: server.address } as const
  const used = numberOf(server, "used_memory")
  const limit = numberOf(server, "maxmemory")
  if (used === undefined || limit === undefined) {
    return { ...finding, level: "note", message: "the server does not report its memory" }
  }
  if (limit === 0) {
    return {
      ...finding,
      level: "warning",
      message: `${megabytes(used)} in use, and no maxmemory: a cache that grows ends with the system killing the server`,
      remedy: "set a bound below the machine's memory: CONFIG SET maxmemory 512mb, and maxmemory in the configuration"
    }
  }
  const share = used / limit
  const message = `${megabytes(used)} of ${megabytes(limit)} in use (${percent(share)})`
  const evicts = (server.info.get("maxmemory_policy") ?? "") !== "noeviction"
  if (share < nearlyFull || evicts) return { ...finding, level: "ok", message }
  return share >= 1
    ? {
        ...finding,
        level: "error",
        message: `${message}, and noeviction: it refuses writes (OOM), so that caches store nothing and locks fail`,
        remedy: `${raise}; or ${evict}`
      }
    : {
        ...finding,
        level: "warning",
        message: `${message}, and noeviction: it will refuse writes (OOM) when it is full`,
        remedy: `${raise}; or ${evict}`
      }
}

const eviction = (server: Server): Finding => {
  const finding = { check: "eviction", server: server.address } as const
  const policy =
    server.info.get("maxmemory_policy") ?? (server.info.get("cache_mode") === "cache" ? "cache mode" : undefined)
  const evicted = numberOf(server, "evicted_keys") ?? 0
  const soFar = evicted === 0 ? "" : `; ${evicted} keys evicted so far`
  if (policy === undefined) return { ...finding, level: "note", message: "the server does not report its policy" }
  if (policy === "noeviction") return { ...finding, level: "ok", message: `${policy}: a full server refuses writes` }
  if (policy.startsWith("volatile")) {
    return {
      ...finding,
      level: "warning",
      message: `${policy} evicts keys with a time to live, and locks, permits and limits have one${soFar}`,
      remedy: "use allkeys-lru where the server only caches, and a server with noeviction for locks and limits"
    }
  }
  return {
    ...finding,
    level: "note",
    message: `${policy} may evict any key: locks, limits, boards and counters need a server of their own or enough memory${soFar}`
  }
}

const clients = (server: Server): ReadonlyArray<Finding> => {
  const connected = numberOf(server, "connected_clients")
  const most = numberOf(server, "maxclients")
  if (connected === undefined || most === undefined || most === 0) return []
  const finding = { check: "clients", server: server.address, message: `${connected} of ${most} connected` } as const
  return [
    connected < most * nearlyFull
      ? { ...finding, level: "ok" }
      : {
          ...finding,
          level: "warning",
          remedy: "raise maxclients, and look in CLIENT LIST for a program that opens a connection for each request"
        }
  ]
}

const persistence = (server: Server): Finding => {
  const finding = { check: "persistence", server: server.address } as const
  const { info } = server
  if (info.get("loading") === "1") {
    return {
      ...finding,
      level: "warning",
      message: "the server is still loading its data set",
      remedy: "wait until INFO persistence says loading:0"
    }
  }
  const broken = ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"].filter(
    (field) => info.get(field) === "err"
  )
  if (broken.length > 0) {
    return {
      ...finding,
      level: "error",
      message: `the last write to the disk has failed (${broken.join(", ")}): the server may refuse writes (MISCONF)`,
      remedy: "look at the server's log, at the space on its disk and at the owner of its dir; then BGSAVE"
    }
  }
  return info.get("aof_enabled") === "1"
    ? { ...finding, level: "ok", message: "append-only file" }
    : {
        ...finding,
        level: "note",
        message:
          "no append-only file: after a crash caches start cold, and locks, limits and boards have lost what was written " +
          "since the last snapshot (appendonly yes keeps them)"
      }
}

/** `isReplicated`: the topology promises replicas, as a cluster and Sentinel do. */
export const findings = (server: Server, isReplicated: boolean): ReadonlyArray<Finding> =>
  server.info.size === 0
    ? [version(server)]
    : [
        version(server),
        role(server),
        ...replicas(server, isReplicated),
        eviction(server),
        memory(server),
        ...clients(server),
        persistence(server)
      ]
