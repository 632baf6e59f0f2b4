/** A way to the server that can be cut: what the demo puts between itself and Redis, so that it need not stop yours. */
import { connect, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

export interface CutProxy {
  /** where to connect instead, on 127.0.0.1 */
  readonly port: number
  /** ends every connection, and each new one, until `mend` */
  readonly cut: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
}

export const make = (target: {
  readonly host: string
  readonly port: number
}): Effect.Effect<CutProxy, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    let isCut = false

    const keep = (socket: Socket, other: () => Socket) => {
      sockets.add(socket)
      // an error is followed by a close, which is all that matters here
      socket.on("error", () => {})
      socket.on("close", () => {
        sockets.delete(socket)
        other().destroy()
      })
    }
    const destroyAll = () => {
      for (const socket of sockets) socket.destroy()
    }

    const server = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>, Error>((resume) => {
        const listening = createServer((incoming) => {
          if (isCut) return incoming.destroy()
          const outgoing = connect(target.port, target.host)
          keep(incoming, () => outgoing)
          keep(outgoing, () => incoming)
          incoming.pipe(outgoing)
          outgoing.pipe(incoming)
          return undefined
        })
        listening.once("error", (error) => resume(Effect.fail(error)))
        listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
      }),
      (listening) =>
        Effect.sync(() => {
          listening.close()
          destroyAll()
        })
    )
    const address = server.address()

    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      cut: Effect.sync(() => {
        isCut = true
        destroyAll()
      }),
      mend: Effect.sync(() => {
        isCut = false
      })
    }
  })
