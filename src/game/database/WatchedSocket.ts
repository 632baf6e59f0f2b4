/**
 * Sockets to a server that answers everything: one on which nothing comes back in time is closed, since a network that has
 * gone silent reports nothing for minutes.
 *
 * @since 0.2.0
 */
import { Socket } from "node:net"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

interface Watched {
  readonly socket: Socket
  /** how much had been written when something was last read: what is written later has no answer yet */
  answered: number
  /** how much had been read at the last look */
  read: number
  /** how many looks in a row have found that something was written and nothing has come back */
  looksOwed: number
  /** how many looks in a row have found that nothing has come back, whatever was written */
  looksQuiet: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface WatchedSockets {
  readonly open: () => Socket
  /**
   * Closes the sockets on which nothing has come back for the time of `silence`, also those that wait for nothing. For a
   * caller that knows that some answer is missing: what is written through TLS is not seen here.
   */
  readonly closeQuiet: Effect.Effect<void>
}

const looks = 10

/**
 * Makes sockets. One that has written something and has read nothing for the time of `silence` is destroyed with an error,
 * and with it those that wait for nothing: on the same network they would each cost their next user as much. Closes all
 * with the scope.
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

    /** Counts looks and not time: a process that was held up has not given the server less time to answer. */
    const look = (watched: Watched): boolean => {
      const { bytesRead, bytesWritten } = watched.socket
      // a statement and its reply often fall between two looks: only their order tells whether a reply is missing
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
      // the network's time, which no clock of a test moves
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
