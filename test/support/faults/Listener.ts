/** A program at a port that is no Redis server. */
import { createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Calls back with each connection. The listener and its connections end with the scope. */
export const make = (onConnection: (socket: Socket) => void): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly end: () => void }>((resume) => {
        const sockets = new Set<Socket>()
        const server = createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const end = () => {
            server.close()
            for (const socket of sockets) socket.destroy()
          }
          resume(Effect.succeed({ port, end }))
        })
      }),
      ({ end }) => Effect.sync(end)
    ),
    ({ port }) => port
  )

/** Answers each chunk of bytes with a text. */
export const answering = (answer: (received: Buffer) => string) =>
  make((socket) => socket.on("data", (received: Buffer) => socket.write(answer(received), "latin1")))

/** Accepts connections and never answers. */
export const silent = make(() => {})
