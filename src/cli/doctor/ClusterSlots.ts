/**
 * The slots of a cluster: whether each has a server, and whether all servers agree on it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RedisError } from "../../redis/RedisError.js"
import { type Primary, parse } from "../../redis/topology/SlotMap.js"
import { slotCount } from "../../redis/topology/Slots.js"
import * as ServerInfo from "../frame/ServerInfo.js"
import type { Finding } from "./Finding.js"
import type { Server } from "./Server.js"

type Range = readonly [first: number, last: number]

/** The ranges of slots that no primary holds. */
const uncovered = (primaries: ReadonlyArray<Pick<Primary, "ranges">>): ReadonlyArray<Range> => {
  const held = primaries.flatMap(({ ranges }) => ranges).sort(([one], [other]) => one - other)
  const missing: Array<Range> = []
  let next = 0
  for (const [first, last] of held) {
    if (first > next) missing.push([next, first - 1])
    next = Math.max(next, last + 1)
  }
  if (next < slotCount) missing.push([next, slotCount - 1])
  return missing
}

const text = (ranges: ReadonlyArray<Range>): string =>
  ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ")

const cover =
  "bring the server back that held them, or let a replica take over (CLUSTER FAILOVER TAKEOVER on it); where it is lost for good: " +
  "redis-cli --cluster fix <host:port>"

const ofServer = ({ address, send }: Server): Effect.Effect<Finding, RedisError> =>
  Effect.gen(function* () {
    const slots = parse(yield* send("CLUSTER", "SLOTS"), { host: address, port: 0 }, (announced) => announced)
    const info = ServerInfo.fieldsOf(String(yield* send("CLUSTER", "INFO")))
    const finding = { check: "slots", server: address } as const
    if (slots._tag === "Left") {
      return {
        ...finding,
        level: "error",
        message: `its slots cannot be read: ${slots.left}`,
        remedy: "look at CLUSTER SLOTS"
      }
    }
    const missing = uncovered(slots.right)
    const count = missing.reduce((sum, [first, last]) => sum + last - first + 1, 0)
    if (count > 0) {
      return {
        ...finding,
        level: "error",
        message: `${count} slots have no server: ${text(missing)}; their keys are looked up, and locks and limits of them fail`,
        remedy: cover
      }
    }
    const failed = Number(info.get("cluster_slots_fail") ?? 0)
    const suspected = Number(info.get("cluster_slots_pfail") ?? 0)
    if (info.get("cluster_state") !== "ok" || failed > 0) {
      return {
        ...finding,
        level: "error",
        message: `the cluster is down for this server (cluster_state:${info.get("cluster_state")}), and ${failed} slots are on failed servers`,
        remedy: cover
      }
    }
    return suspected > 0
      ? {
          ...finding,
          level: "warning",
          message: `${suspected} slots are on servers that this one cannot reach`,
          remedy: "look at the network between the servers, and at CLUSTER NODES for `fail?`"
        }
      : { ...finding, level: "ok", message: `all ${slotCount} slots have a server` }
  })

/** What each server sees. A server without the right to CLUSTER is named by the rights. */
export const findings = (servers: ReadonlyArray<Server>): Effect.Effect<ReadonlyArray<Finding>, RedisError> =>
  Effect.map(
    Effect.forEach(servers, (server) =>
      Effect.catchTag(
        Effect.map(ofServer(server), (finding) => [finding]),
        "RedisAuthError",
        () => Effect.succeed([])
      )
    ),
    (each) => each.flat()
  )
