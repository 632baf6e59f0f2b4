import { createConnection } from "node:net"
import { Console, Deferred, Effect, Exit, FiberId } from "effect"
import { RedisError } from "effect-cache-toolkit"
import { type RedisConnection, Resp2Reply } from "effect-cache-toolkit/driver"

/** The reply that begins at `at`, and where it ends: undefined while some of it is missing. */
const parse = (bytes: Buffer, at: number): readonly [reply: unknown, end: number] | undefined => {
  const lineEnd = bytes.indexOf("\r\n", at)
  if (lineEnd < 0) return undefined
  const [type, line] = [bytes.toString("latin1", at, at + 1), bytes.toString("utf8", at + 1, lineEnd)]
  let end = lineEnd + 2
  if (type === "+" || type === "-") return [type === "+" ? Buffer.from(line) : new Error(line), end]
  if (type === ":" || line === "-1") return [type === ":" ? Number(line) : null, end]
  const next = end + Number(line) + 2
  if (type === "$") return bytes.length < next ? undefined : [bytes.subarray(end, next - 2), next]
  const items: Array<unknown> = []
  while (items.length < Number(line)) {
    const item = parse(bytes, end)
    if (item === undefined) return undefined
    items.push(item[0])
    end = item[1]
  }
  return [items, end]
}
const decode = (reply: unknown): RedisConnection.RedisReply =>
  reply instanceof Buffer ? `${reply}` : Array.isArray(reply) ? reply.map(decode) : (reply as number | null)
const lost = new RedisError.RedisConnectError({ reason: "Closed", detail: "" })

const dial = Effect.fnUntraced(function* (port: number, onMessage?: (channel: string, message: string) => void) {
  const closed = Deferred.unsafeMake<void>(FiberId.none)
  const pending: Array<(reply: unknown) => void> = []
  let bytes: Buffer = Buffer.alloc(0)
  const open = Effect.sync(() => createConnection({ port, host: "127.0.0.1", noDelay: true }))
  const socket = yield* Effect.acquireRelease(open, (opened) => Effect.sync(() => opened.destroy()))
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    for (let found = parse(bytes, 0); found !== undefined; found = parse(bytes, 0)) {
      bytes = bytes.subarray(found[1])
      const [kind, channel, message] = Array.isArray(found[0]) ? found[0].map(String) : []
      if (kind === "message" && onMessage !== undefined) onMessage(channel ?? "", message ?? "")
      else pending.shift()?.(found[0])
    }
  })
  const end = () => {
    for (const settle of pending.splice(0)) settle(lost)
  }
  socket.on("error", end).on("close", () => [end(), Deferred.unsafeDone(closed, Exit.void)])
  const request = (...command: ReadonlyArray<RedisConnection.RedisArgument>) =>
    new Promise<unknown>((resolve, reject) => {
      if (socket.destroyed) return reject(lost)
      pending.push((reply) => (reply instanceof Error ? reject(reply) : resolve(reply)))
      const words = command.map((word) => Buffer.from(typeof word === "number" ? `${word}` : word))
      const parts = words.flatMap((word) => [Buffer.from(`$${word.length}\r\n`), word, Buffer.from("\r\n")])
      socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]))
    })
  yield* Effect.tryPromise({ try: () => request("PING"), catch: () => lost })
  return { closed, request, socket }
})

export const driver = (port: number): RedisConnection.RedisDriver => ({
  toError: (command, cause) =>
    cause === lost
      ? new RedisError.RedisConnectionLost({ command })
      : RedisError.fromServerReply(command, String(cause).slice(7)),
  connect: Effect.map(dial(port), ({ closed, request, socket }) => ({
    closed,
    send: (command, args) =>
      request(command, ...args)
        .then(decode)
        .then(Resp2Reply.shapeOf(command, args)),
    sendBuffer: (key) => request("GET", key) as Promise<Buffer | null>,
    bufferedAmount: () => socket.writableLength
  })),
  connectSubscriber: Effect.suspend(() => {
    const listeners = new Map<string, (message: string) => void>()
    return Effect.map(
      dial(port, (channel, message) => listeners.get(channel)?.(message)),
      ({ closed, request }) => ({
        closed,
        subscribe: async (channel, listener) => {
          listeners.set(channel, listener)
          await request("SUBSCRIBE", channel)
        },
        unsubscribe: async (channel) => void (await request("UNSUBSCRIBE", channel))
      })
    )
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
