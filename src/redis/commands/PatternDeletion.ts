/**
 * Deletes the keys that match a glob pattern, by SCAN and UNLINK in batches.
 *
 * A broken server or proxy may answer SCAN with a cursor that never ends. The size of the database therefore bounds the
 * rounds, and more of them are an error.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import { type RedisError, RedisProtocolError } from "../RedisError.js"
import * as ReplyShape from "./ReplyShape.js"

/** Which of the keys that match a pattern are deleted. */
interface Filter {
  readonly type?: string | undefined
  readonly where?: ((key: string) => boolean) | undefined
}

/** Sends a command that may be repeated. */
type Send = (command: string, args: ReadonlyArray<RedisArgument>) => Effect.Effect<RedisReply, RedisError>

interface ScanPage {
  readonly cursor: string
  readonly keys: ReadonlyArray<string>
}

/** Keys in one SCAN and UNLINK: large enough to amortise the round trip, small enough not to stall the server. */
const pageSize = 512

/** Rounds that every database may need: eight million slots of a table. Only beyond them is DBSIZE read. */
const freeRounds = 16_384

/** Rounds that no database needs. */
const maxRounds = 10_000_000

const endless = (detail: string): RedisProtocolError => new RedisProtocolError({ command: "SCAN", detail })

/** The next cursor and the keys of a SCAN that started at `from`. */
const pageOf = (reply: RedisReply, from: string): Effect.Effect<ScanPage, RedisProtocolError> => {
  if (!Array.isArray(reply) || reply.length !== 2) {
    return Effect.fail(ReplyShape.unexpected("SCAN", "a cursor and keys", reply))
  }
  const [cursor, keys] = reply as ReadonlyArray<RedisReply>
  const next = String(cursor)
  if (!/^\d{1,20}$/.test(next)) return Effect.fail(ReplyShape.unexpected("SCAN", "a cursor", cursor))
  if (next === from && next !== "0") return Effect.fail(endless("the cursor does not advance"))
  return Array.isArray(keys) && keys.every((key) => typeof key === "string")
    ? Effect.succeed({ cursor: next, keys })
    : Effect.fail(ReplyShape.unexpected("SCAN", "a list of keys", keys))
}

const integer = (send: Send, command: string, args: ReadonlyArray<RedisArgument>) =>
  Effect.flatMap(send(command, args), (reply) =>
    typeof reply === "number" ? Effect.succeed(reply) : Effect.fail(ReplyShape.unexpected(command, "an integer", reply))
  )

/** The bound on rounds: far more than the number of keys needs, since the server's table may be sparse. */
const boundOf = (send: Send) =>
  integer(send, "DBSIZE", []).pipe(
    Effect.orElseSucceed(() => Number.POSITIVE_INFINITY),
    Effect.map((keys) => Math.min(freeRounds + keys / 8, maxRounds))
  )

/** Scans one server, deletes what it finds by `unlink`, and returns how many keys were deleted. */
export const run = (
  send: Send,
  unlink: (keys: ReadonlyArray<string>) => Effect.Effect<number, RedisError>,
  pattern: string,
  { type, where = () => true }: Filter
): Effect.Effect<number, RedisError> =>
  Effect.gen(function* () {
    let deleted = 0
    let cursor = "0"
    let bound = freeRounds
    for (let round = 1; ; round++) {
      const reply = yield* send("SCAN", [
        cursor,
        "MATCH",
        pattern,
        "COUNT",
        pageSize,
        ...(type === undefined ? [] : ["TYPE", type])
      ])
      const page = yield* pageOf(reply, cursor)
      const keys = page.keys.filter(where)
      if (keys.length > 0) deleted += yield* unlink(keys)
      if (page.cursor === "0") return deleted
      cursor = page.cursor
      if (round === freeRounds) bound = yield* boundOf(send)
      if (round >= bound) return yield* Effect.fail(endless(`the cursor has not ended after ${round} rounds`))
    }
  })
