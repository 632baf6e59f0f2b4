/**
 * Dials one connection: the socket, the login, the database, and a PING to the configured user.
 *
 * @internal
 */
import * as net from "node:net"
import * as tls from "node:tls"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as RedisConfig from "../../RedisConfig.js"
import * as DialFailure from "../dial/DialFailure.js"
import * as Login from "../dial/Login.js"
import * as SocketTarget from "../dial/SocketTarget.js"
import * as Failure from "./Failure.js"
import { Requests, type RequestsOptions } from "./Requests.js"

/** A connection that is logged in. */
export interface Dialled {
  readonly requests: Requests
  readonly isResp3: boolean
  readonly closed: Deferred.Deferred<void>
}

export interface DialOptions {
  readonly address: RedisConfig.RedisAddress
  readonly connectTimeout: Duration.Duration
  /** False for a connection whose replies are the same in RESP2. */
  readonly isResp3Wanted: boolean
  readonly isMessage: RequestsOptions["isMessage"]
  readonly onPush: RequestsOptions["onPush"]
}

const open = ({ tls: secure, ...target }: SocketTarget.SocketTarget): net.Socket => {
  const socket = secure === undefined ? net.connect(target) : tls.connect({ ...target, ...secure })
  return socket.setNoDelay(true)
}

interface Connecting extends Omit<Dialled, "isResp3"> {
  /** Completes when commands can be sent. Fails when the connection has ended before. */
  readonly isOpen: Deferred.Deferred<void, "ended">
}

/** Connects a socket, which ends with the scope. Fails where the settings of TLS are wrong in themselves. */
const connect = (
  said: string,
  target: SocketTarget.SocketTarget,
  receivers: Pick<DialOptions, "isMessage" | "onPush">
): Effect.Effect<Connecting, Login.DialError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const closed = Deferred.unsafeMake<void>(FiberId.none)
        const isOpen = Deferred.unsafeMake<void, "ended">(FiberId.none)
        const socket = open(target)
        // it listens before the first byte, and before the first error
        const requests = new Requests(socket, {
          ...receivers,
          onClosed: () => {
            Deferred.unsafeDone(isOpen, Exit.fail("ended"))
            Deferred.unsafeDone(closed, Exit.void)
          }
        })
        const event = target.tls === undefined ? "connect" : "secureConnect"
        socket.once(event, () => Deferred.unsafeDone(isOpen, Exit.void))
        return { requests, closed, isOpen, socket }
      },
      catch: (cause) => Failure.ofEnd(said, cause)
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** The connection lives as long as the scope. */
export const make = ({
  address,
  connectTimeout,
  isMessage,
  isResp3Wanted,
  onPush
}: DialOptions): Effect.Effect<Dialled, Login.DialError, Scope.Scope> =>
  Effect.gen(function* () {
    const said = RedisConfig.describe(address)
    yield* DialFailure.ofAddress(address)
    const { closed, isOpen, requests } = yield* connect(said, yield* SocketTarget.make(address), { isMessage, onPush })
    yield* Effect.mapError(Deferred.await(isOpen), () => Failure.ofEnd(said, requests.firstError))
    const hello = yield* Login.run({
      address,
      isResp3Wanted,
      send: (command, args) =>
        Effect.async<unknown, unknown>((resume) =>
          requests.send(command, args, false, {
            onReply: (reply) => resume(Effect.succeed(reply)),
            onFailure: (cause) => resume(Effect.fail(cause))
          })
        ),
      replyOf: Failure.replyOf,
      endOf: (cause) => Failure.ofEnd(said, requests.firstError ?? cause)
    })
    return { requests, closed, isResp3: hello !== undefined }
  }).pipe(Login.reporting(address, connectTimeout))
