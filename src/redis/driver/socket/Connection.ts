/**
 * A dialled socket as the connections of a `RedisDriver`.
 *
 * @internal
 */
import type {
  RedisArgument,
  RedisConnection,
  RedisReply,
  RedisSubscriberConnection,
  ReplyReceiver
} from "../../RedisConnection.js"
import * as Resp2Reply from "../Resp2Reply.js"
import * as Tracking from "../Tracking.js"
import type { Dialled } from "./Dial.js"
import type { Parsed } from "./ReplyParser.js"
import type { Requests } from "./Requests.js"

/** Gives replies of RESP2 the shape of RESP3. */
const shaped = (receiver: ReplyReceiver, shape: (reply: RedisReply) => RedisReply): ReplyReceiver => ({
  onReply: (reply) => receiver.onReply(shape(reply as RedisReply)),
  onFailure: (cause) => receiver.onFailure(cause)
})

/** What the server pushes on a connection of commands: the keys that it tracks, and nothing else. */
export class Pushes {
  private listener: ((key: string) => void) | undefined

  readonly listen = (listener: (key: string) => void): void => {
    this.listener = listener
  }

  readonly hear = ([kind, keys]: ReadonlyArray<RedisReply>): void => {
    if (kind === "invalidate" && this.listener !== undefined) Tracking.forEach(keys, this.listener)
  }
}

export const commands = ({ closed, isResp3, requests }: Dialled, pushes: Pushes): RedisConnection => {
  const request: NonNullable<RedisConnection["request"]> = (command, args, isBinary, receiver) => {
    const shape = isResp3 ? undefined : Resp2Reply.shapeOf(command, args)
    requests.send(command, args, isBinary, shape === undefined ? receiver : shaped(receiver, shape))
  }
  const promised = <A>(command: string, args: ReadonlyArray<RedisArgument>, isBinary: boolean): Promise<A> =>
    new Promise((resolve, reject) =>
      request(command, args, isBinary, { onReply: (reply) => resolve(reply as A), onFailure: reject })
    )
  return {
    closed,
    request,
    send: (command, args) => promised(command, args, false),
    sendBuffer: (key) => promised("GET", [key], true),
    onInvalidation: isResp3 ? pushes.listen : undefined,
    bufferedAmount: () => requests.bufferedAmount
  }
}

/** The listeners of one connection, by their channels. */
export class Listeners {
  readonly ofChannels = new Map<string, (message: string) => void>()

  /** Hands a message of a channel to its listener. Any other reply is none. */
  readonly hear = (reply: Parsed): boolean => {
    if (!Array.isArray(reply) || reply[0] !== "message") return false
    const listener = this.ofChannels.get(String(reply[1]))
    const message: unknown = reply[2]
    if (typeof message === "string") listener?.(message)
    else if (listener !== undefined) Tracking.forEach(message, listener)
    return true
  }
}

const replyTo = (requests: Requests, command: string, args: ReadonlyArray<string>): Promise<unknown> =>
  new Promise((resolve, reject) => requests.send(command, args, false, { onReply: resolve, onFailure: reject }))

const acknowledged = (requests: Requests, command: string, args: ReadonlyArray<string>): Promise<void> =>
  replyTo(requests, command, args).then(() => {})

export const subscriptions = ({ closed, requests }: Dialled, listeners: Listeners): RedisSubscriberConnection => ({
  closed,
  setName: (name) => acknowledged(requests, "CLIENT", ["SETNAME", name]),
  subscribe: (channel, listener) => {
    listeners.ofChannels.set(channel, listener)
    return acknowledged(requests, "SUBSCRIBE", [channel])
  },
  unsubscribe: (channel) => {
    listeners.ofChannels.delete(channel)
    return acknowledged(requests, "UNSUBSCRIBE", [channel])
  },
  track: Tracking.over((args) => replyTo(requests, "CLIENT", args)),
  ping: () => replyTo(requests, "PING", [])
})
