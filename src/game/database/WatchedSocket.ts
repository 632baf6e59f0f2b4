/**
 * Closes sockets on which a server stops replying, since a silent network reports nothing for minutes. The server must
 * reply to everything that is written.
 *
 * @since 0.2.0
 */
import { Socket } from "node:net"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

interface Watched {
  readonly socket: Socket
  /** how much had been written at the last read: later writes have no reply yet */
  answered: number
  /** how much had been read at the last look */
  read: number
  /** how many looks in a row have found a write without a reply */
  looksOwed: number
  /** how many looks in a row have found no reply, whatever was written */
  looksQuiet: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface WatchedSockets {
  readonly open: () => Socket
  /**
   * Closes the sockets without a reply for the time of `silence`, including idle ones. For a caller that misses a
   * reply: writes through TLS are not visible here.
   */
  readonly closeQuiet: Effect.Effect<void>
}

const looks = 10

/**
 * Builds sockets. A socket with a write and no read for the time of `silence` is destroyed with an error. The idle sockets are
 * destroyed too: on the same network each would delay its next user as long. The scope closes all sockets.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (silence: Duration.DurationInput): Effect.Effect<WatchedSockets, never, Scope.Scope> =>
  Effect.gen(function* () {
    const millis = Duration.toMillis(silence)
    const sockets = new Set<Watched>()
    const answeredNothing = `the server has answered nothing for ${Duration.format(silence)}`

    const close = (watched: Watched, message: string) => {
      sockets.delete(watched)
      watched.socket.destroy(new Error(message))
    }

    /** Counts looks, not time: a process that was stalled has not given the server less time to reply. */
    const look = (watched: Watched): boolean => {
      const { bytesRead, bytesWritten } = watched.socket
      // a statement and its reply often fall between two looks: only their order shows whether a reply is missing
      const isOwed = bytesWritten > watched.answered
      if (!isOwed || bytesRead !== watched.read) watched.looksOwed = 0
      if (isOwed) watched.looksOwed++
      watched.looksQuiet = bytesRead === watched.read ? watched.looksQuiet + 1 : 0
      watched.read = bytesRead
      return watched.looksOwed <= looks
    }

    const lookAtAll = () => {
      const silent = Array.from(sockets).filter((watched) => !look(watched))
      if (silent.length === 0) return
      for (const watched of silent) close(watched, answeredNothing)
      for (const watched of Array.from(sockets)) {
        if (watched.looksOwed === 0) close(watched, "closed, since another connection to the same server went silent")
      }
    }

    yield* Effect.acquireRelease(
      // the time of the network, which the clock of a test does not move
      Effect.sync(() => setInterval(lookAtAll, millis / looks)),
      (timer) =>
        Effect.sync(() => {
          clearInterval(timer)
          for (const { socket } of sockets) socket.destroy()
        })
    )

    const open = () => {
      const socket = new Socket()
      const watched: Watched = { socket, answered: 0, read: 0, looksOwed: 0, looksQuiet: 0 }
      sockets.add(watched)
      socket.setKeepAlive(true, millis)
      socket.on("data", () => {
        watched.answered = socket.bytesWritten
      })
      socket.once("close", () => sockets.delete(watched))
      return socket
    }

    const closeQuiet = Effect.sync(() => {
      for (const watched of Array.from(sockets)) if (watched.looksQuiet >= looks) close(watched, answeredNothing)
    })

    return { open, closeQuiet }
  })
