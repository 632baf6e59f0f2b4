/** The server as a program whose Redis cannot be reached: it listens, and says why once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Listener from "../support/faults/Listener.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"
import * as ServerProgram from "./support/ServerProgram.js"

const secret = "hunter2"

/** The lines that tell of trouble. */
const warningsOf = ({ output }: ServerProgram.Program): ReadonlyArray<string> =>
  output()
    .split("\n")
    .filter((line) => /level=(WARN|ERROR|FATAL)/.test(line))

/** Starts the server, sends it requests that need the cache, and waits until it has said why there is none. */
const warned = (variables: Record<string, string>) =>
  Effect.gen(function* () {
    const program = yield* ServerProgram.start({ CACHE_LOCAL_TTL: "5", LOG_FORMAT: "logfmt", ...variables })
    const port = yield* program.listening
    const get = (path: string) => Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))
    expect((yield* get("/api/health/ready")).status).toBe(200)
    expect((yield* get("/api/leaderboards/global")).status).toBe(200)
    yield* until("it says why it is not connected", () =>
      warningsOf(program).some((line) => line.includes("127.0.0.1") || line.includes(".invalid"))
    )
    expect(program.output()).not.toContain(secret)
    return { program, warnings: warningsOf(program).filter((line) => !line.includes("Redis is away: reads go")) }
  })

describe("the program without its Redis", () => {
  it.scopedLive("says that the host's name does not resolve, and not that nothing accepts connections", () =>
    Effect.gen(function* () {
      const { warnings } = yield* warned({ REDIS_URL: `redis://:${secret}@no-such-host.invalid` })
      expect(warnings).toEqual([
        expect.stringMatching(/the host's name does not resolve: .*redis:\/\/no-such-host\.invalid:6379\/0: E/)
      ])
    })
  )

  it.scopedLive("says it once, however often it dials and however many modules need Redis", () =>
    Effect.gen(function* () {
      let connections = 0
      const port = yield* Listener.make((socket) => {
        connections++
        socket.resetAndDestroy()
      })
      const { program } = yield* warned({ REDIS_URL: `redis://:${secret}@127.0.0.1:${port}` })
      // two connections for each dial: its own, and the look for the cause
      yield* until("it has dialled three times", () => connections >= 6)
      expect(warningsOf(program).filter((line) => line.includes("not connected"))).toEqual([
        expect.stringContaining(`redis://127.0.0.1:${port}/0: the connection is accepted and ended at once`)
      ])
    })
  )

  it.scopedLive("says where nothing accepts connections", () =>
    Effect.gen(function* () {
      const port = yield* RedisServer.freePort
      const { warnings } = yield* warned({ REDIS_HOST: "127.0.0.1", REDIS_PORT: `${port}`, REDIS_PASSWORD: secret })
      expect(warnings).toEqual([
        expect.stringContaining(
          `nothing accepts connections there: check the host and port, and that the server runs (redis://127.0.0.1:${port}/0: ECONNREFUSED)`
        )
      ])
    })
  )

  it.scopedLive("listens before a server that never answers has had its time", () =>
    Effect.gen(function* () {
      const port = yield* Listener.silent
      const { program, warnings } = yield* warned({ REDIS_URL: `redis://:${secret}@127.0.0.1:${port}` })
      expect(warnings).toEqual([expect.stringContaining(`the server did not answer in time`)])
      const output = program.output()
      expect(output.indexOf("listening on")).toBeLessThan(output.indexOf("the server did not answer in time"))
    })
  )

  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)(
    "says of rediss:// on a plain port that it speaks no TLS, and does not wait for its time",
    () =>
      Effect.gen(function* () {
        const { port } = yield* RedisServer.make({ password: secret })
        const { program, warnings } = yield* warned({ REDIS_URL: `rediss://:${secret}@127.0.0.1:${port}` })
        expect(warnings).toEqual([expect.stringContaining(`rediss://127.0.0.1:${port}/0: the server speaks no TLS`)])
        expect(program.output()).not.toContain("in time")
      })
  )

  it.scopedLive("names each server of a cluster, and what came of it", () =>
    Effect.gen(function* () {
      const [refused, silent] = [yield* RedisServer.freePort, yield* Listener.silent]
      const nodes = `127.0.0.1:${refused},no-such-host.invalid,127.0.0.1:${silent}`
      const { program, warnings } = yield* warned({ REDIS_CLUSTER_NODES: nodes, REDIS_PASSWORD: secret })
      expect(warnings).toEqual([
        expect.stringMatching(
          `no server of the cluster tells its slots: nothing accepts connections there: .*127\\.0\\.0\\.1:${refused}/0: ECONNREFUSED\\); no-such-host\\.invalid:6379: HostNotFound; 127\\.0\\.0\\.1:${silent}: Timeout`
        )
      ])
      const output = program.output()
      expect(output.indexOf("listening on")).toBeLessThan(output.indexOf("tells its slots"))
    })
  )

  it.scopedLive("names each sentinel, and what came of it", () =>
    Effect.gen(function* () {
      const port = yield* RedisServer.freePort
      const sentinels = `127.0.0.1:${port},no-such-host.invalid`
      const { warnings } = yield* warned({
        REDIS_SENTINELS: sentinels,
        REDIS_SENTINEL_MASTER: "m",
        REDIS_PASSWORD: secret
      })
      expect(warnings).toEqual([
        expect.stringMatching(
          `no sentinel answers: .*127\\.0\\.0\\.1:${port}: Refused; no-such-host\\.invalid:26379: HostNotFound`
        )
      ])
    })
  )
})
