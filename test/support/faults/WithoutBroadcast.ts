/**
 * A server without `BCAST` of CLIENT TRACKING: a proxy that misspells the word, so that the server behind it rejects the command as
 * it rejects any word that it does not know.
 */
import { createServer, type Socket, connect as tcpConnect } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const word = "\r\nBCAST\r\n"
const misspelt = "\r\nBCOST\r\n"

/** A client writes a command as one part. */
const withoutWord = (bytes: Buffer): Buffer =>
  bytes.includes(word) ? Buffer.from(bytes.toString("latin1").replaceAll(word, misspelt), "latin1") : bytes

/** The port at which the server behind `target` has no BCAST. */
export const make = (target: number): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const listener = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((client) => {
          const behind = tcpConnect(target, "127.0.0.1")
          for (const [from, to] of [
            [client, behind],
            [behind, client]
          ] as const) {
            sockets.add(from)
            from.on("data", (bytes: Buffer) => to.write(from === client ? withoutWord(bytes) : bytes))
            from.on("error", () => {})
            from.on("close", () => {
              sockets.delete(from)
              to.destroy()
            })
          }
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
    return typeof address === "object" && address !== null ? address.port : 0
  })
