import autocannon from "autocannon"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { takingTurns } from "../../measure/Measure.js"
import { compare, describe } from "../../report/Comparison.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as ServerProcess from "./ServerProcess.js"

const connections = 16

const decode = Schema.decodeUnknownSync(Schema.Struct({ id: Schema.String, username: Schema.String }))

interface ProfileServer {
  readonly name: string
  readonly profileUrl: string
  /** what `Cache-Status` (RFC 9211) says of a warm read */
  readonly cacheStatus: RegExp
}

/** A server with one user. */
const server = (name: string, cacheStatus: RegExp, variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const url = yield* ServerProcess.start(variables)
    const id = yield* Effect.promise(async () => {
      const created = await fetch(`${url}/api/users`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${ServerProcess.apiToken}` },
        body: JSON.stringify({ username: "ada", displayName: "Ada", email: "ada@example.org" })
      })
      return decode(await created.json()).id
    })
    return { name, cacheStatus, profileUrl: `${url}/api/users/${id}/profile` }
  })

/** Reads twice: the second read is warm, and answers the same from where it should. */
const verify = ({ cacheStatus, name, profileUrl }: ProfileServer) =>
  Effect.promise(async () => {
    await (await fetch(profileUrl)).text()
    const response = await fetch(profileUrl)
    const status = response.headers.get("cache-status") ?? ""
    const { username } = decode(await response.json())
    if (username !== "ada" || !cacheStatus.test(status)) {
      throw new Error(`http-profile: ${name} answers ${response.status} of ${username}, Cache-Status ${status}`)
    }
  })

const load = async ({ name, profileUrl }: ProfileServer, millis: number): Promise<number> => {
  const result = await autocannon({ url: profileUrl, connections, duration: millis / 1000 })
  if (result.non2xx + result.errors > 0) {
    throw new Error(`http-profile: ${name} failed ${result.non2xx + result.errors} requests`)
  }
  return result["2xx"] / result.duration
}

export const httpProfile: Workload = {
  name: "http-profile",
  description:
    "GET /api/users/:id/profile of the server on SQLite, warm, by autocannon, which shares the machine's cores with it.",
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const servers = [
        yield* server("cache in Redis", /hit.*detail=redis/i, { REDIS_URL: url }),
        yield* server("cache in the process and Redis", /hit.*detail=local/i, {
          REDIS_URL: url,
          CACHE_LOCAL_TTL: "3600",
          CACHE_USER_PROFILE_TTL: "3600"
        }),
        yield* server("no cache", /fwd=bypass/i, { REDIS_ENABLED: "false" })
      ]
      yield* Effect.forEach(servers, verify, { discard: true })
      const measured = yield* takingTurns(
        servers.map((server) => ({ name: server.name, measure: () => load(server, plan.millis * 7) })),
        plan.rounds
      )
      const results = compare("GET /api/users/:id/profile", connections, measured)
      yield* Console.log(describe(results))
      return { results, quantities: [] }
    }).pipe(emptied)
}
