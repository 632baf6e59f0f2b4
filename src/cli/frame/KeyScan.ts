/**
 * Lists the keys of all servers that match a pattern, by SCAN.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type RedisError, RedisProtocolError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"

/** Keys in one SCAN: enough to amortise the round trip, few enough not to stall the server. */
const pageSize = 512

const toPage = Schema.decodeUnknown(Schema.Tuple(Schema.String, Schema.Array(Schema.String)))

const pageOf = (reply: unknown) =>
  Effect.mapError(
    toPage(reply),
    () => new RedisProtocolError({ command: "SCAN", detail: "the reply is not a cursor with keys" })
  )

/** The keys, in the order of their texts and at most so many, and whether there are more. */
export interface FoundKeys {
  readonly keys: ReadonlyArray<string>
  readonly hasMore: boolean
}

/** SCAN may answer a key twice, and promises nothing of keys that come and go meanwhile. */
export const keys = (
  client: RedisClient.Service,
  pattern: string,
  most: number
): Effect.Effect<FoundKeys, RedisError> =>
  Effect.gen(function* () {
    const found = new Set<string>()
    for (const node of RedisExecutor.nodesOf(RedisExecutor.of(client)).current()) {
      let cursor = "0"
      do {
        const { value } = yield* node.command("SCAN", [cursor, "MATCH", pattern, "COUNT", pageSize], {
          idempotent: true
        })
        const [next, keys] = yield* pageOf(value)
        for (const key of keys) found.add(key)
        cursor = next
      } while (cursor !== "0" && found.size <= most)
    }
    return { keys: [...found].sort().slice(0, most), hasMore: found.size > most }
  })
