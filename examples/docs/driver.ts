import { Console, Deferred, Effect, Exit, FiberId } from "effect"
import { RedisError } from "effect-cache-toolkit"
import { type RedisConnection, Resp2Reply } from "effect-cache-toolkit/driver"
import { Redis } from "ioredis"

// reconnection, queues and retries are the supervisor's
const bare = { lazyConnect: true, retryStrategy: () => null, enableOfflineQueue: false, protocol: 2 } as const

const dial = Effect.fnUntraced(function* (port: number) {
  const closed = Deferred.unsafeMake<void>(FiberId.none)
  const open = Effect.sync(() => new Redis({ ...bare, port, maxRetriesPerRequest: 0, autoResubscribe: false }))
  const redis = yield* Effect.acquireRelease(open, (opened) => Effect.sync(() => opened.disconnect()))
  redis.on("error", () => {}).on("end", () => Deferred.unsafeDone(closed, Exit.void))
  yield* Effect.tryPromise({
    try: () => redis.connect().then(() => redis.ping()),
    catch: (cause) => new RedisError.RedisConnectError({ reason: "Closed", detail: String(cause) })
  })
  return { closed, redis }
})

const decode = (reply: unknown): RedisConnection.RedisReply =>
  reply instanceof Buffer ? `${reply}` : Array.isArray(reply) ? reply.map(decode) : (reply as number | null)

export const driver = (port: number): RedisConnection.RedisDriver => ({
  toError: (command, cause) =>
    cause instanceof Error && cause.name === "ReplyError"
      ? RedisError.fromServerReply(command, cause.message)
      : new RedisError.RedisConnectionLost({ command }),
  connect: Effect.map(dial(port), ({ closed, redis }) => ({
    closed,
    send: (command, args) =>
      redis
        // in capitals ioredis rearranges neither arguments nor reply
        .callBuffer(command.toUpperCase(), ...args.map((arg) => (typeof arg === "object" ? Buffer.from(arg) : arg)))
        .then(decode)
        .then(Resp2Reply.shapeOf(command, args)),
    sendBuffer: (key) => redis.getBuffer(key),
    bufferedAmount: () => redis.stream.writableLength
  })),
  connectSubscriber: Effect.map(dial(port), ({ closed, redis }) => {
    const listeners = new Map<string, (message: string) => void>()
    redis.on("message", (channel: string, message: string) => listeners.get(channel)?.(message))
    return {
      closed,
      subscribe: (channel, listener) => redis.subscribe(listeners.set(channel, listener) && channel).then(() => {}),
      unsubscribe: (channel) => redis.unsubscribe(channel).then(() => {})
    }
  })
})

if (import.meta.main) {
  driver(Number(process.env.PORT ?? 6379)).connect.pipe(
    Effect.flatMap(({ send }) => Effect.promise(() => send("PING", []))),
    Effect.scoped,
    Effect.match({ onSuccess: String, onFailure: ({ message }) => message }),
    Effect.flatMap(Console.log),
    Effect.runPromise
  )
}
