/**
 * A server in memory whose dials and replies a test decides, for programs that run under TestClock.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as TestClock from "effect/TestClock"
import * as SupervisedExecutor from "../../../src/redis/connection/SupervisedExecutor.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import type { RedisArgument, RedisConnection, RedisDriver, RedisReply } from "../../../src/redis/RedisConnection.js"
import {
  fromServerReply,
  type RedisAuthError,
  type RedisConnectError,
  RedisConnectionLost,
  RedisProtocolError
} from "../../../src/redis/RedisError.js"

/** What the server does with one command. */
export type Answer =
  | { readonly _tag: "Reply"; readonly value: RedisReply | Uint8Array }
  | { readonly _tag: "Error"; readonly message: string }
  | { readonly _tag: "Silence" }

export const reply = (value: RedisReply | Uint8Array): Answer => ({ _tag: "Reply", value })
export const error = (message: string): Answer => ({ _tag: "Error", message })
export const silence: Answer = { _tag: "Silence" }

const ofClient: ReadonlySet<string> = new Set(["CLIENT", "INFO", "TIME", "PING", "PUBLISH", "ROLE"])

/** Whether the client sends a command of its own accord: in the handshake, which tries a script too, or as a probe. */
const isOfClient = (command: string, args: ReadonlyArray<unknown>): boolean =>
  ofClient.has(command) || (command === "EVAL" && args[0] === "return 1")

export interface Sent {
  readonly command: string
  readonly args: ReadonlyArray<RedisArgument>
  /** which dial it came over, counted from 1 */
  readonly connection: number
  readonly at: number
}

/** What the server does with a dial: it accepts, it never answers, or it refuses. */
export type Dial = "Accept" | "Hang" | RedisConnectError | RedisAuthError

class ReplyError extends Error {}
class ConnectionEnded extends Error {}

interface Link {
  readonly number: number
  readonly closed: Deferred.Deferred<void>
  readonly unanswered: Array<{ readonly sent: Sent; readonly settle: (answer: Answer) => void }>
  readonly listeners: Map<string, (message: string) => void>
  /** of a subscriber: the name that it gave itself, once for each time */
  readonly names: Array<string>
  readonly end: () => void
  ended: boolean
}

export class ScriptedServer {
  /** how dials end from now on */
  dial: Dial = "Accept"
  /** how subscribers' dials end, where that differs */
  subscriberDial: Dial | undefined
  /** overrides the answer to a command; undefined leaves it to `keyspace` */
  answer: (sent: Sent) => Answer | undefined = () => undefined
  /** overrides the answer to SUBSCRIBE and UNSUBSCRIBE */
  subscribeAnswer: (channel: string, command: "SUBSCRIBE" | "UNSUBSCRIBE") => Answer = () => reply(null)
  /** the answer to a subscriber that gives itself a name */
  nameAnswer: Answer = reply("OK")
  /** whether PUBLISH reaches anyone */
  delivers = true
  runId = "run-1"
  clockOffsetMillis = 0
  /** what it says of itself; a replica rejects writes */
  role: "master" | "slave" | "replica" = "master"
  readonly values = new Map<string, string>()
  readonly scripts = new Map<string, string>()
  readonly sent: Array<Sent> = []
  readonly dialTimes: Array<number> = []
  readonly subscriberDialTimes: Array<number> = []
  readonly links: Array<Link> = []
  readonly subscribers: Array<Link> = []
  private dialled = 0

  constructor(private readonly clock: Clock.Clock) {}

  /** What callers sent, without the handshake, the heartbeat and the probes: `"GET a"`, in order. */
  commands(): ReadonlyArray<string> {
    return this.sent
      .filter(({ args, command }) => !isOfClient(command, args))
      .map(({ command, args }) => [command, ...args].join(" "))
  }

  count(command: string): number {
    return this.sent.filter((sent) => sent.command === command).length
  }

  /** Ends every connection, as a server that is killed does. */
  cut(): void {
    for (const link of [...this.links, ...this.subscribers]) link.end()
  }

  open(): ReadonlyArray<Link> {
    return this.links.filter((link) => !link.ended)
  }

  /** Answers, in order and late, what was met with silence. */
  answerLate(): void {
    for (const link of this.links) {
      for (const { sent, settle } of link.unanswered.splice(0)) settle(this.keyspace(sent))
    }
  }

  publish(channel: string, message: string): number {
    if (!this.delivers) return 1
    let receivers = 0
    for (const link of this.subscribers) {
      const listener = link.ended ? undefined : link.listeners.get(channel)
      if (listener === undefined) continue
      receivers++
      listener(message)
    }
    return receivers
  }

  private keyspace({ args, command, connection }: Sent): Answer {
    const [key = "", value = ""] = args.map(String)
    switch (command) {
      case "PING":
        return reply("PONG")
      case "TIME": {
        const now = this.clock.unsafeCurrentTimeMillis() + this.clockOffsetMillis
        return reply([`${Math.floor(now / 1000)}`, `${(now % 1000) * 1000}`])
      }
      case "ROLE":
        return reply(this.role === "master" ? ["master", 0, []] : [this.role, "127.0.0.1", 6379, "connected", 0])
      case "INFO":
        if (key === "replication") return reply(`# Replication\r\nrole:${this.role}\r\n`)
        return reply(`redis_version:7.0.15\r\nrun_id:${this.runId}\r\nuptime_in_seconds:0\r\n`)
      case "CLIENT":
        return reply(key === "ID" ? connection : 0)
      case "GET":
        return reply(this.values.get(key) ?? null)
      case "MGET":
        return reply(args.map((name) => this.values.get(String(name)) ?? null))
      case "SET":
        if (this.role !== "master") return error("READONLY You can't write against a read only replica.")
        this.values.set(key, value)
        return reply("OK")
      case "INCR": {
        const next = Number(this.values.get(key) ?? 0) + 1
        this.values.set(key, `${next}`)
        return reply(next)
      }
      case "EVALSHA":
        return this.scripts.has(key) ? reply(1) : error("NOSCRIPT No matching script. Please use EVAL.")
      case "EVAL":
        return reply(1)
      case "PUBLISH":
        return reply(this.publish(key, value))
      default:
        return error(`ERR unknown command '${command}'`)
    }
  }

  private link(): Link {
    const closed = Deferred.unsafeMake<void>(FiberId.none)
    const made: Link = {
      number: ++this.dialled,
      closed,
      unanswered: [],
      listeners: new Map(),
      names: [],
      ended: false,
      end: () => {
        if (made.ended) return
        made.ended = true
        for (const { settle } of made.unanswered.splice(0)) settle(lost)
        Deferred.unsafeDone(closed, Effect.void)
      }
    }
    return made
  }

  private perform(link: Link, sent: Sent, answer: Answer): Promise<RedisReply | Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = (final: Answer) => {
        if (final === lost) reject(new ConnectionEnded())
        else if (final._tag === "Reply") resolve(final.value)
        else if (final._tag === "Error") reject(new ReplyError(final.message))
        else link.unanswered.push({ sent, settle })
      }
      settle(link.ended ? lost : answer)
    })
  }

  private readonly connectWith = (dial: () => Dial, times: Array<number>, links: Array<Link>) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        times.push(this.clock.unsafeCurrentTimeMillis())
        const outcome = dial()
        if (outcome === "Hang") return Effect.interruptible(Effect.never)
        if (outcome !== "Accept") return Effect.fail(outcome)
        const link = this.link()
        links.push(link)
        return Effect.succeed(link)
      }),
      (link) => Effect.sync(() => link.end())
    )

  readonly driver: RedisDriver = {
    toError: (command, cause) =>
      cause instanceof ReplyError
        ? fromServerReply(command, cause.message)
        : cause instanceof ConnectionEnded
          ? new RedisConnectionLost({ command })
          : new RedisProtocolError({ command, detail: String(cause) }),
    connect: Effect.suspend(() =>
      Effect.map(
        this.connectWith(() => this.dial, this.dialTimes, this.links),
        (link): RedisConnection => {
          const send = (command: string, args: ReadonlyArray<RedisArgument>) => {
            const sent: Sent = { command, args, connection: link.number, at: this.clock.unsafeCurrentTimeMillis() }
            if (!link.ended) this.sent.push(sent)
            return this.perform(link, sent, link.ended ? lost : (this.answer(sent) ?? this.keyspace(sent)))
          }
          return {
            closed: link.closed,
            send: (command, args) => send(command, args) as Promise<RedisReply>,
            sendBuffer: (key) =>
              send("GET", [key]).then((value) => (typeof value === "string" ? new TextEncoder().encode(value) : null)),
            bufferedAmount: () => 0
          }
        }
      )
    ),
    connectSubscriber: Effect.suspend(() =>
      Effect.map(
        this.connectWith(() => this.subscriberDial ?? this.dial, this.subscriberDialTimes, this.subscribers),
        (link) => {
          const change = (command: "SUBSCRIBE" | "UNSUBSCRIBE", channel: string, onReply: () => void) => {
            const sent: Sent = { command, args: [channel], connection: link.number, at: 0 }
            const answer = this.subscribeAnswer(channel, command)
            if (answer._tag === "Error" && link.listeners.size > 0) {
              // as Bun's client does: the connection is gone, and the caller hears nothing
              link.end()
              return new Promise<void>(() => {})
            }
            return this.perform(link, sent, answer).then(onReply)
          }
          return {
            closed: link.closed,
            setName: (name) => {
              link.names.push(name)
              return this.perform(link, { command: "CLIENT", args: [name], connection: 0, at: 0 }, this.nameAnswer)
            },
            subscribe: (channel, listener) =>
              change("SUBSCRIBE", channel, () => void link.listeners.set(channel, listener)),
            unsubscribe: (channel) => change("UNSUBSCRIBE", channel, () => void link.listeners.delete(channel))
          }
        }
      )
    )
  }
}

const lost: Answer = { _tag: "Error", message: "the connection ended" }

/** A client of the server, as a program has it. */
export const connect = (server: ScriptedServer, options: SupervisedExecutor.ClientOptions = {}) =>
  Effect.map(SupervisedExecutor.make(server.driver, options), RedisCommands.fromExecutor)

export const make: Effect.Effect<ScriptedServer> = Effect.map(Effect.clock, (clock) => new ScriptedServer(clock))

/** Lets everything happen that needs no time to pass: flushes, replies, the fibers that they wake. */
export const settled: Effect.Effect<void> = Effect.repeatN(
  Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  }),
  7
)

/** Lets time pass, stopping wherever a fiber wakes up. */
export const runFor = (millis: number): Effect.Effect<void> =>
  settled.pipe(Effect.zipRight(TestClock.adjust(millis)), Effect.zipRight(settled))
