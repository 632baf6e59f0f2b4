import { describe, expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { testWith } from "../faults/FaultSuite.js"
import * as Certificates from "./Certificates.js"
import * as RedisCluster from "./RedisCluster.js"

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("a cluster of a test", () => {
  testWith("cluster mode")("moves slots with their keys, and survives kill -9, a stopped node and a failover", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make({ password: "secret", users: ["app on >other ~* &* +@all"] })
      const [first, last] = yield* Effect.all([cluster.ownerOf(0), cluster.ownerOf(16_383)])
      expect(first.node.port).not.toBe(last.node.port)

      // the tag hashes to slot 0
      yield* first.node.send("SET", "{06S}key", "value")
      yield* cluster.reshard({ from: first.node, to: last.node, slots: 10 })
      expect((yield* cluster.ownerOf(0)).node.port).toBe(last.node.port)
      expect(yield* last.node.send("GET", "{06S}key")).toBe("value")
      expect(yield* Effect.flip(first.node.attempt("GET", "{06S}key"))).toMatchObject({
        message: expect.stringContaining(`MOVED 0 127.0.0.1:${last.node.port}`)
      })

      const replica = yield* cluster.replicaOf(last.node)
      yield* last.node.kill
      yield* cluster.awaitAgreement
      expect((yield* cluster.ownerOf(0)).node.port).toBe(replica.node.port)
      yield* last.node.start
      yield* cluster.awaitAgreement
      yield* cluster.failover(last.node)
      expect((yield* cluster.ownerOf(0)).node.port).toBe(last.node.port)
      expect(yield* last.node.send("GET", "{06S}key")).toBe("value")

      yield* last.node.signal("SIGSTOP")
      yield* cluster.awaitAgreement
      expect((yield* cluster.ownerOf(0)).node.port).toBe(replica.node.port)
      yield* last.node.signal("SIGCONT")
      yield* cluster.awaitAgreement
      expect((yield* cluster.replicaOf(replica.node)).node.port).toBe(last.node.port)
    })
  )

  testWith("cluster mode", "TLS beside a plain port")("moves slots over TLS too", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make({ tls: yield* Certificates.make })
      const [first, last] = yield* Effect.all([cluster.ownerOf(0), cluster.ownerOf(16_383)])
      yield* first.node.send("SET", "{06S}key", "value")
      yield* cluster.reshard({ from: first.node, to: last.node, slots: [0] })
      expect(yield* last.node.send("GET", "{06S}key")).toBe("value")
    })
  )

  testWith("cluster mode")("ends with its scope, also with a stopped node", () =>
    Effect.gen(function* () {
      const pids = yield* Deferred.make<ReadonlyArray<number>>()
      const user = yield* RedisCluster.make().pipe(
        Effect.tap(({ nodes }) => nodes[0]?.signal("SIGSTOP") ?? Effect.void),
        Effect.tap(({ nodes }) =>
          Deferred.succeed(
            pids,
            nodes.map(({ pid }) => pid())
          )
        ),
        Effect.zipRight(Effect.never),
        Effect.scoped,
        Effect.fork
      )
      const started = yield* Deferred.await(pids)
      expect(started.map(isAlive)).toEqual(Array(6).fill(true))
      yield* Fiber.interrupt(user)
      expect(started.map(isAlive)).toEqual(Array(6).fill(false))
    })
  )
})
