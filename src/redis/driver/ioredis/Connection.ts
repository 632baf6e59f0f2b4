/**
 * A dialled client of ioredis as the connections of a `RedisDriver`.
 *
 * @internal
 */
import {
  type RedisArgument,
  type RedisConnection,
  type RedisSubscriberConnection,
  trackingChannel
} from "../../RedisConnection.js"
import * as Resp2Reply from "../Resp2Reply.js"
import * as Tracking from "../Tracking.js"
import { TurnWriter } from "../TurnWriter.js"
import * as Decoding from "./Decoding.js"
import type { Dialled } from "./Dial.js"
import type { Library } from "./Library.js"

/** To ioredis it is one of its own pipelines. */
class Pipeline extends TurnWriter {
  readonly isPipeline = true

  constructor(readonly destination: Pick<Dialled, "redis">) {
    super(() => destination.redis.stream)
  }
}

/** Counts the bytes that have arrived since the last reply. */
const arrivedPart = ({ redis }: Dialled, sent: () => number): (() => number) => {
  let replies = 0
  let bytes = 0
  // behind the listener of ioredis, which has settled the commands of the chunk
  redis.stream.on("data", (chunk: Buffer) => {
    const now = sent() - redis.commandQueue.length
    bytes = now === replies ? bytes + chunk.length : 0
    replies = now
  })
  return () => bytes
}

/** ioredis rearranges the arguments of these commands, under just these names. */
const rearranged: ReadonlySet<string> = new Set(["mset", "msetnx", "hset", "hmset"])

const nameOf = (command: string): string => (rearranged.has(command) ? command.toUpperCase() : command)

const isBytes = (arg: RedisArgument): arg is Uint8Array => typeof arg === "object"

/** The arguments as ioredis takes them: it would write other bytes than a Buffer as a list of numbers. */
const argumentsOf = (args: ReadonlyArray<RedisArgument>): Array<string | number | Buffer> =>
  args.map((arg) => (isBytes(arg) ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : arg))

/** A command whose reply is decoded in the turn in which it arrives, without a promise more. */
const requestOf = ({ Command }: Library, isResp3: boolean) =>
  class Request extends Command {
    override transformReply(raw: Buffer | Buffer[]): string {
      const reply = Decoding.reply(raw)
      const shape = isResp3 ? undefined : Resp2Reply.shapeOf(this.name, this.args as ReadonlyArray<RedisArgument>)
      // the type of ioredis knows of texts only
      return (shape === undefined ? reply : shape(reply)) as string
    }
  }

export const commands = (library: Library, client: Dialled): RedisConnection => {
  const { closed, redis } = client
  const Request = requestOf(library, client.isResp3)
  const writer = new Pipeline({ redis })
  let sent = redis.commandQueue.length
  const arrived = arrivedPart(client, () => sent)

  const request = (command: InstanceType<Library["Command"]>) => {
    redis.sendCommand(command, writer)
    sent++
    return command.promise
  }

  return {
    closed,
    send: (command, args) => request(new Request(nameOf(command), argumentsOf(args))),
    // without an encoding the reply stays bytes
    sendBuffer: (key) => request(new library.Command("GET", [key])),
    bufferedAmount: () => writer.length + redis.stream.writableLength + arrived()
  }
}

export const subscriptions = ({ closed, redis }: Dialled): RedisSubscriberConnection => {
  const listeners = new Map<string, (message: string) => void>()
  redis.on("message", (channel: string, message: string) => {
    if (channel !== trackingChannel) listeners.get(channel)?.(message)
  })
  // a list of keys, which ioredis joins by commas for the event above
  redis.on("messageBuffer", (channel: unknown, keys: unknown) => {
    const listener = String(channel) === trackingChannel ? listeners.get(trackingChannel) : undefined
    if (listener !== undefined) Tracking.forEach(keys, listener)
  })
  return {
    closed,
    setName: (name) => redis.client("SETNAME", name),
    subscribe: (channel, listener) => {
      listeners.set(channel, listener)
      return redis.subscribe(channel).then(() => {})
    },
    unsubscribe: (channel) => {
      listeners.delete(channel)
      return redis.unsubscribe(channel).then(() => {})
    },
    track: Tracking.over((args) => redis.call("CLIENT", ...args)),
    ping: () => redis.ping()
  }
}
