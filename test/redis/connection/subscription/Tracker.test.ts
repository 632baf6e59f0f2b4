/** The connection that tracks: its signs of life, its prefixes and its refusals, on a server that the test plays. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Tracker from "../../../../src/redis/connection/subscription/Tracker.js"
import {
  type RedisDriver,
  type RedisSubscriberConnection,
  trackingChannel
} from "../../../../src/redis/RedisConnection.js"
import { fromServerReply, RedisConnectionLost } from "../../../../src/redis/RedisError.js"
import type { TrackingEvent } from "../../../../src/redis/RedisExecutor.js"
import { pass, settle } from "../../../support/until.js"

class ReplyError extends Error {}

type Answers = Pick<RedisSubscriberConnection, "track" | "ping">

/** What the test knows of one dial. */
interface Dial {
  readonly prefixes: Array<string>
  readonly push: (key: string) => void
}

/** A tracker on a server with these answers. */
const make = (answers: Answers) =>
  Effect.gen(function* () {
    const dials: Array<Dial> = []
    const driver: RedisDriver = {
      toError: (command, cause) =>
        cause instanceof ReplyError ? fromServerReply(command, cause.message) : new RedisConnectionLost({ command }),
      connect: Effect.never,
      connectSubscriber: Effect.sync((): RedisSubscriberConnection => {
        const listeners = new Map<string, (message: string) => void>()
        const dial: Dial = { prefixes: [], push: (key) => listeners.get(trackingChannel)?.(key) }
        dials.push(dial)
        return {
          ...answers,
          track: (prefixes) => {
            dial.prefixes.push(...prefixes)
            return answers.track?.(prefixes) ?? Promise.resolve("OK")
          },
          subscribe: (channel, listener) => Promise.resolve(void listeners.set(channel, listener)),
          unsubscribe: () => Promise.resolve(),
          closed: Deferred.unsafeMake(FiberId.none)
        }
      })
    }
    const tracker = yield* Tracker.make(driver, {
      connectTimeout: Duration.seconds(5),
      subscribeTimeout: Duration.seconds(5),
      heartbeatInterval: Duration.seconds(1),
      clientName: "test",
      reconnect: Schedule.spaced("1 second"),
      probe: Schedule.spaced("30 seconds"),
      isConnected: Effect.succeed(true),
      // those of a driver that reads no pushes
      commands: {
        readsPushes: () => false,
        generations: Stream.concat(Stream.make(1), Stream.never),
        send: () => Effect.void,
        listen: () => {}
      }
    })
    /** Listens until the scope closes, and notes what it hears. */
    const listen = (prefix: string) =>
      Effect.gen(function* () {
        const heard: Array<string> = []
        const note = (event: TrackingEvent) =>
          void heard.push(event._tag === "Key" ? event.key : event._tag === "State" ? event.state._tag : event._tag)
        yield* Effect.forkScoped(tracker.track(prefix, note))
        yield* settle
        return heard
      })
    return { dials, listen }
  })

describe("a connection that tracks", () => {
  it.scoped("ends when its PING is not answered for two beats, and the next one begins with a gap", () =>
    Effect.gen(function* () {
      let isSilent = false
      const { dials, listen } = yield* make({
        ping: () => (isSilent ? new Promise(() => {}) : Promise.resolve("PONG"))
      })
      const heard = yield* listen("user:")
      yield* pass("1 minute")
      expect([dials.length, heard]).toEqual([1, ["Connecting", "Active", "Gap"]])
      isSilent = true
      yield* pass("3 seconds")
      expect(heard.slice(3)).toEqual(["Connecting"])
      isSilent = false
      yield* pass("1 second")
      expect([dials.length, heard.slice(4)]).toEqual([2, ["Active", "Gap"]])
    })
  )

  it.scoped("lives on when PING is refused, or when the driver has none", () =>
    Effect.gen(function* () {
      for (const ping of [() => Promise.reject(new ReplyError("NOPERM no right to ping")), undefined]) {
        const { dials, listen } = yield* make({ ping })
        yield* listen("user:")
        yield* pass("1 minute")
        expect(dials).toHaveLength(1)
      }
    })
  )

  it.scoped("is dialled anew at once for a prefix that it does not have, and not for a narrower one", () =>
    Effect.gen(function* () {
      const { dials, listen } = yield* make({})
      const users = yield* listen("user:")
      const profiles = yield* listen("user:profile:")
      expect(dials.map(({ prefixes }) => prefixes)).toEqual([["user:"]])
      expect(profiles).toEqual(["Active", "Gap"])
      yield* listen("game:")
      expect(dials.map(({ prefixes }) => prefixes)).toEqual([["user:"], ["game:", "user:"]])
      dials[1]?.push("user:profile:ada")
      dials[1]?.push("game:go")
      dials[1]?.push("")
      expect(profiles.slice(2)).toEqual(["Connecting", "Active", "Gap", "user:profile:ada", "Flush"])
      expect(users).toEqual(["Connecting", "Active", "Gap", ...profiles.slice(2)])
    })
  )

  it.scoped("ends with its last listener, and is dialled again for the next one", () =>
    Effect.gen(function* () {
      const { dials, listen } = yield* make({})
      yield* Effect.scoped(listen("user:"))
      yield* settle
      yield* pass("1 minute")
      expect(dials).toHaveLength(1)
      expect(yield* listen("game:")).toEqual(["Connecting", "Active", "Gap"])
      expect(dials.map(({ prefixes }) => prefixes)).toEqual([["user:"], ["game:"]])
    })
  )

  it.scoped("is refused until the server has what is missing, and is tried again at the pace of probes", () =>
    Effect.gen(function* () {
      let reply = "NOPERM this user has no permissions to run the 'client|tracking' command"
      const { dials, listen } = yield* make({
        track: () => (reply === "" ? Promise.resolve("OK") : Promise.reject(new ReplyError(reply)))
      })
      const heard = yield* listen("user:")
      expect(heard).toEqual(["Connecting", "Refused"])
      expect(yield* listen("user:profile:")).toEqual(["Refused"])
      yield* pass("29 seconds")
      expect(dials).toHaveLength(1)
      reply = "ERR syntax error"
      yield* pass("1 minute")
      expect(dials).toHaveLength(3)
      reply = ""
      yield* pass("30 seconds")
      expect(heard.slice(-2)).toEqual(["Active", "Gap"])
    })
  )
})
