import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as WatchedSocket from "../../src/game/database/WatchedSocket.js"

/** Answers each thing that is written but `silent`. */
const server = Effect.acquireRelease(
  Effect.promise(
    () =>
      new Promise<{ readonly port: number; readonly close: () => void }>((resolve) => {
        const listening = createServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", (data) => {
            if (!data.includes("silent")) socket.write(data)
          })
        }).listen(0, "127.0.0.1", () => {
          const address = listening.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resolve({ port, close: () => listening.close() })
        })
      })
  ),
  ({ close }) => Effect.sync(close)
)

const connect = (socket: Socket, port: number) =>
  Effect.promise(() => {
    socket.on("error", () => {})
    return once(socket.connect(port, "127.0.0.1"), "connect")
  })

const ask = (socket: Socket) =>
  Effect.promise(() => {
    socket.write("a statement")
    return once(socket, "data")
  })

it.scopedLive("a connection that has its answer stays open, and one that waits for an answer is closed", () =>
  Effect.gen(function* () {
    const { port } = yield* server
    const idle = (yield* WatchedSocket.make("200 millis")).open()
    const silent = (yield* WatchedSocket.make("200 millis")).open()
    yield* connect(idle, port)
    yield* connect(silent, port)
    yield* ask(idle)
    yield* ask(silent)
    // at once after an answer, so that no look falls between the two
    silent.write("silent")
    const [error] = yield* Effect.promise(() => once(silent, "error"))
    expect(String(error)).toMatch(/answered nothing for 200ms/)
    expect(idle.destroyed).toBe(false)
    yield* ask(idle)
  })
)
