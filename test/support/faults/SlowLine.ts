/** A TCP proxy with a bandwidth in bytes a second, each way. It reads no more than it can forward. */
import { createServer, type Socket, connect as tcpConnect } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface SlowLine {
  readonly port: number
}

const carry = (from: Socket, to: Socket, bytesPerSecond: number): void => {
  from.on("data", (bytes: Buffer) => {
    from.pause()
    to.write(bytes)
    setTimeout(() => from.resume(), (bytes.length / bytesPerSecond) * 1000)
  })
  from.on("close", () => to.destroy())
  from.on("error", () => {})
}

export const make = (target: number, bytesPerSecond: number): Effect.Effect<SlowLine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const listener = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((client) => {
          const onward = tcpConnect(target, "127.0.0.1")
          sockets.add(client).add(onward)
          carry(client, onward, bytesPerSecond)
          carry(onward, client, bytesPerSecond)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    )
    const address = listener.address()
    return { port: typeof address === "object" && address !== null ? address.port : 0 }
  })
