import autocannon from "autocannon"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { takingTurns } from "../../measure/Measure.js"
import { microsOf } from "../../measure/ProcessorTime.js"
import { median } from "../../measure/statistics.js"
import { compare, describe } from "../../report/Comparison.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as ServerProcess from "./ServerProcess.js"

const connections = 16

const Profile = Schema.Struct({
  id: Schema.String,
  username: Schema.String,
  displayName: Schema.String,
  createdAt: Schema.String
})

const decode = Schema.decodeUnknownSync(Profile)

interface ProfileServer extends ServerProcess.ServerProcess {
  readonly name: string
  readonly path: string
  /** what `Cache-Status` (RFC 9211) says of a warm read */
  readonly cacheStatus: RegExp
  /** of each request, in microseconds, once a round */
  readonly micros: Array<number>
}

const pathOf = (id: string) => `/api/users/${id}/profile`

/** The toolkit's server with one user, as the API answered it. */
const toolkit = (name: string, cacheStatus: RegExp, variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const server = yield* ServerProcess.start(ServerProcess.programs.toolkit, variables)
    const user = yield* Effect.promise(async () => {
      const created = await fetch(`${server.url}/api/users`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${ServerProcess.apiToken}` },
        body: JSON.stringify({ username: "ada", displayName: "Ada", email: "ada@example.org" })
      })
      return await created.text()
    })
    const { id } = decode(JSON.parse(user))
    return { ...server, name, cacheStatus, path: pathOf(id), micros: [], user, id }
  })

const other = (
  name: string,
  cacheStatus: RegExp,
  program: string,
  id: string,
  variables: Readonly<Record<string, string>>
) =>
  Effect.map(
    ServerProcess.start(program, variables),
    (server): ProfileServer => ({ ...server, name, cacheStatus, path: pathOf(id), micros: [] })
  )

/** Reads twice: the second read is warm, and answers the same from where it should. */
const verify = ({ cacheStatus, name, path, url }: ProfileServer) =>
  Effect.promise(async () => {
    await (await fetch(`${url}${path}`)).text()
    const response = await fetch(`${url}${path}`)
    const status = response.headers.get("cache-status") ?? ""
    const { username } = decode(await response.json(), { onExcessProperty: "error" })
    if (username !== "ada" || !cacheStatus.test(status)) {
      throw new Error(`http-profile: ${name} answers ${response.status} of ${username}, Cache-Status ${status}`)
    }
  })

const load = async ({ micros, name, path, pid, url }: ProfileServer, millis: number): Promise<number> => {
  const before = microsOf(pid)
  const result = await autocannon({ url: `${url}${path}`, connections, duration: millis / 1000 })
  if (result.non2xx + result.errors > 0) {
    throw new Error(`http-profile: ${name} failed ${result.non2xx + result.errors} requests`)
  }
  micros.push(((microsOf(pid) ?? Number.NaN) - (before ?? Number.NaN)) / result["2xx"])
  return result["2xx"] / result.duration
}

const workload = "GET /api/users/:id/profile"

/** What a request costs the server: the load generator shares the machine's cores, and the rate is also its own. */
const spentBy = ({ micros, name }: ProfileServer): ReadonlyArray<Quantity> => {
  const value = Number(median(micros).toFixed(1))
  return Number.isNaN(value)
    ? []
    : [{ workload, subject: name, what: "processor time of the server for each request", value, unit: "µs" }]
}

export const httpProfile: Workload = {
  name: "http-profile",
  description:
    "GET /api/users/:id/profile of the server on SQLite, warm, by autocannon, which shares the machine's cores with it. Beside it are the same route by hand (Bun.serve with its router, the bare client, JSON.parse), whose answers have the same status, body and headers, and the same contract on the platform alone, whose handler answers a constant.",
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const onRedis = yield* toolkit("cache in Redis", /hit.*detail=redis/i, {
        REDIS_URL: url,
        CACHE_USER_PROFILE_TTL: "3600"
      })
      const { id, user } = onRedis
      const bun = yield* bunClient(url)
      yield* Effect.promise(() => bun.set(`by-hand:${id}`, user))
      const { byHand, constant } = ServerProcess.programs
      const servers: ReadonlyArray<ProfileServer> = [
        onRedis,
        yield* other("the route by hand", /hit.*detail=redis/i, byHand, id, { REDIS_URL: url }),
        yield* other("the contract with a constant", /^$/, constant, id, { PROFILE: user }),
        yield* toolkit("cache in the process and Redis", /hit.*detail=local/i, {
          REDIS_URL: url,
          CACHE_LOCAL_TTL: "3600",
          CACHE_USER_PROFILE_TTL: "3600"
        }),
        yield* toolkit("no cache", /fwd=bypass/i, { REDIS_ENABLED: "false" })
      ]
      yield* Effect.forEach(servers, verify, { discard: true })
      const measured = yield* takingTurns(
        servers.map((server) => ({ name: server.name, measure: () => load(server, plan.millis * 7) })),
        plan.rounds
      )
      const results = compare(workload, connections, measured)
      yield* Console.log(describe(results))
      return { results, quantities: servers.flatMap(spentBy) }
    }).pipe(emptied, Effect.scoped)
}
