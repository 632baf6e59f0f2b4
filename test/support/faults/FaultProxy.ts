/**
 * A TCP proxy in the process that delays, cuts or corrupts its streams on demand.
 */
import { createServer, type Socket, connect as tcpConnect } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * - `Pass`: both directions as they are
 * - `Blackhole`: connections are accepted and nothing comes through, in neither direction. One that has lost bytes so
 *   never gets any more: no network takes bytes out of the middle of a stream
 * - `Delay`: replies arrive so much later, in their order
 * - `Throttle`: requests pass at so many bytes a millisecond
 * - `CutMidReply`: the next reply ends half way, with its connection
 * - `Garbage`: the next reply is replaced with bytes that are no Redis protocol
 * - `Refuse`: connections are accepted and closed at once
 */
export type Mode =
  | { readonly _tag: "Pass" | "Blackhole" | "CutMidReply" | "Garbage" | "Refuse" }
  | { readonly _tag: "Delay"; readonly millis: number }
  | { readonly _tag: "Throttle"; readonly bytesPerMilli: number }

export interface FaultProxy {
  readonly port: number
  readonly become: (mode: Mode) => Effect.Effect<void>
  /** Ends every connection that passes through now, with a reset. */
  readonly cut: Effect.Effect<void>
  /**
   * From now on keeps the requests on the connections of this moment, even when their client is long gone. The effect in
   * it sends them on, and says how many connections could still take them.
   */
  readonly hold: Effect.Effect<Effect.Effect<number>>
  readonly connections: () => number
  /** how many replies are on their way */
  readonly delayed: () => number
}

interface Reply {
  readonly bytes: Buffer
  /** the connection ends with it */
  readonly isLast: boolean
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  held: Array<Buffer> | undefined
  /** replies that are on their way for a while, in their order as in any stream, and when the last of them is due */
  readonly delayed: Array<Reply>
  due: number
  black: boolean
}

const garbage = Buffer.from("\u0000\u00ff no such protocol ~~~\r\n:12x\r\n$-77\r\n", "latin1")

export const make = (target: number): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const links = new Set<Link>()
    let mode: Mode = { _tag: "Pass" }

    const end = (link: Link) => {
      links.delete(link)
      link.client.destroy()
      link.server.destroy()
    }

    const onRequest = (link: Link, bytes: Buffer) => {
      if (mode._tag === "Blackhole") link.black = true
      if (link.held !== undefined) return void link.held.push(bytes)
      if (link.black) return
      if (mode._tag !== "Throttle") return void link.server.write(bytes)
      link.client.pause()
      setTimeout(() => {
        link.server.write(bytes)
        link.client.resume()
      }, bytes.length / mode.bytesPerMilli)
    }

    const deliver = (link: Link) => {
      const reply = link.delayed.shift()
      if (reply === undefined || link.black) return
      if (!reply.isLast) return void link.client.write(reply.bytes)
      link.black = true
      link.client.end(reply.bytes, () => end(link))
    }

    const treated = (bytes: Buffer): Reply =>
      mode._tag === "CutMidReply"
        ? { bytes: bytes.subarray(0, bytes.length >> 1), isLast: true }
        : { bytes: mode._tag === "Garbage" ? garbage : bytes, isLast: false }

    const onReply = (link: Link, bytes: Buffer) => {
      if (mode._tag === "Blackhole") link.black = true
      if (link.black) return
      const now = performance.now()
      const due = Math.max(link.due, mode._tag === "Delay" ? now + mode.millis : now)
      link.due = due
      if (link.delayed.push(treated(bytes)) === 1 && due <= now) return deliver(link)
      // timers may fire in another order than they were set, so that none has a reply of its own
      setTimeout(() => deliver(link), due - now)
    }

    const listener = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((client) => {
          if (mode._tag === "Refuse") return void client.destroy()
          const link: Link = {
            client,
            server: tcpConnect(target, "127.0.0.1"),
            held: undefined,
            delayed: [],
            due: 0,
            black: false
          }
          links.add(link)
          client.on("data", (bytes: Buffer) => onRequest(link, bytes))
          link.server.on("data", (bytes: Buffer) => onReply(link, bytes))
          // what is held outlives its client
          client.on("close", () => link.held === undefined && end(link))
          link.server.on("close", () => end(link))
          client.on("error", () => {})
          link.server.on("error", () => {})
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          for (const link of links) end(link)
          server.close()
        })
    )
    const address = listener.address()

    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      become: (next) =>
        Effect.sync(() => {
          mode = next
        }),
      cut: Effect.sync(() => {
        for (const link of links) {
          link.client.resetAndDestroy()
          end(link)
        }
      }),
      hold: Effect.sync(() => {
        const now = [...links]
        for (const link of now) link.held = []
        return Effect.sync(() => {
          const alive = now.filter((link) => links.has(link))
          for (const link of alive) {
            for (const bytes of link.held ?? []) link.server.write(bytes)
            link.held = undefined
            if (link.client.destroyed) link.server.end()
          }
          return alive.length
        })
      }),
      connections: () => links.size,
      delayed: () => [...links].reduce((sum, { delayed }) => sum + delayed.length, 0)
    }
  })
