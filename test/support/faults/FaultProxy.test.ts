/** The proxy does to a stream of bytes what a network can do, and nothing else. */
import { createServer, connect as tcpConnect } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultProxy from "./FaultProxy.js"
import { eventually } from "./FaultSuite.js"

/** A server that answers what it was asked, the proxy before it, and a client's connection through both. */
const world = Effect.gen(function* () {
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1", () =>
        resume(Effect.succeed(server))
      )
    }),
    (server) => Effect.sync(() => server.close())
  )
  const address = server.address()
  const proxy = yield* FaultProxy.make(typeof address === "object" && address !== null ? address.port : 0)
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => tcpConnect(proxy.port, "127.0.0.1")),
    (client) => Effect.sync(() => client.destroy())
  )
  let received = ""
  let isClosed = false
  client.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1")
  })
  client.on("close", () => {
    isClosed = true
  })
  client.on("error", () => {})
  return { client, proxy, received: () => received, isClosed: () => isClosed }
})

describe("a faulty connection", () => {
  for (const [name, mode, arrives] of [
    ["is cut in the middle of a reply", { _tag: "CutMidReply" }, /^older newer$/],
    ["brings garbage", { _tag: "Garbage" }, /^older [\s\S]*no such protocol/]
  ] as const) {
    it.scopedLive(`that ${name} brings what was sent before that before it`, () =>
      Effect.gen(function* () {
        const { client, isClosed, proxy, received } = yield* world
        yield* proxy.become({ _tag: "Delay", millis: 300 })
        client.write("older ")
        yield* eventually(
          "the reply is on its way",
          Effect.sync(() => proxy.delayed() === 1)
        )
        yield* proxy.become(mode)
        client.write("newernewer")
        yield* eventually(
          "it has come",
          Effect.sync(() => isClosed() || /no such protocol/.test(received()))
        )
        expect(received()).toMatch(arrives)
      })
    )
  }
})
