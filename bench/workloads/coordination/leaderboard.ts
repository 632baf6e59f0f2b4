import * as Effect from "effect/Effect"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RetryPolicy from "../../../src/redis/RetryPolicy.js"
import { keySet, sequence } from "../../measure/Keys.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, emptied, toolkitClient } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"

const members = 1_000_000

/** Scores that many members share, so that ties decide most ranks. */
const sharedScores = 50_000

/** calls per operation, enough for an average of microseconds */
const calls = 5_000

const callers = 64

const filledAtOnce = 500

const key = "leaderboard:bench"

// as long as the start of a UUID
const memberOf = (index: number): string => `member-${String(index).padStart(7, "0")}`
const scoreOf = (index: number): number => (index * 7_919) % sharedScores

/** Microseconds that the server spent on each call of a command, what its script called included. */
const microsecondsPerCall = (info: string, command: string): number =>
  Number(new RegExp(`^cmdstat_${command}:.*usec_per_call=([\\d.]+)`, "m").exec(info)?.[1] ?? Number.NaN)

export const leaderboard: Workload = {
  name: "leaderboard",
  description:
    "A leaderboard of 1,000,000 members; twenty share each score. Microseconds of the server's time per call, " +
    "beside the bare commands on one sorted set, which break ties by name.",
  run: () =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const client = yield* toolkitClient(url)
      const board = yield* Effect.provideService(Leaderboard.make({ key }), RedisClient, client)
      const draw = sequence(keySet(members, "uniform"))

      const repeated = <E>(times: number, call: (index: number) => Effect.Effect<unknown, E>) =>
        Effect.forEach(
          Array.from({ length: callers }),
          () =>
            Effect.repeatN(
              Effect.suspend(() => call(draw.next())),
              times
            ),
          {
            concurrency: "unbounded",
            discard: true
          }
        )

      const measured = <E>(
        subject: string,
        what: string,
        command: string,
        call: (index: number) => Effect.Effect<unknown, E>
      ) =>
        Effect.gen(function* () {
          yield* client.send("CONFIG", "RESETSTAT")
          yield* repeated(Math.floor(calls / callers), call)
          const value = microsecondsPerCall(String(yield* client.send("INFO", "commandstats")), command)
          const quantity: Quantity = { workload: "leaderboard", subject, what, value, unit: "µs" }
          return quantity
        })

      // by the bare command, as another program would: the first read of the board takes them all over
      yield* Effect.forEach(
        Array.from({ length: members / filledAtOnce }, (_, batch) => batch * filledAtOnce),
        (first) =>
          client.send(
            "ZADD",
            key,
            ...Array.from({ length: filledAtOnce }, (_, i) => [scoreOf(first + i), memberOf(first + i)]).flat()
          ),
        { concurrency: 4, discard: true }
      )
      yield* board.top({ offset: 0, limit: 1 })

      const byScript = (what: string, call: (index: number) => Effect.Effect<unknown, unknown>) =>
        measured("toolkit", what, "evalsha", call)
      const bare = (what: string, command: string, args: (index: number) => ReadonlyArray<string | number>) =>
        measured("bare command", what, command.toLowerCase(), (index) => client.send(command, key, ...args(index)))

      const quantities = [
        yield* byScript("submit a better score", (index) => board.submit(memberOf(index), scoreOf(index) + 0.5)),
        yield* byScript("submit a score that is not better", (index) => board.submit(memberOf(index), -1)),
        yield* byScript("rank of a member", (index) => board.rankOf(memberOf(index))),
        yield* byScript("the first 100", () => board.top({ offset: 0, limit: 100 })),
        yield* byScript("100 from rank 500,000 on", () => board.top({ offset: 500_000, limit: 100 })),
        yield* byScript("5 above and 5 below", (index) => board.around(memberOf(index), { above: 5, below: 5 })),
        yield* bare("submit a better score", "ZADD", (index) => ["GT", scoreOf(index) + 0.75, memberOf(index)]),
        yield* bare("rank of a member", "ZREVRANK", (index) => [memberOf(index)]),
        yield* bare("the first 100", "ZREVRANGE", () => [0, 99, "WITHSCORES"])
      ]
      const sizes = yield* Effect.forEach([key, `{${key}}:ranked`, `{${key}}:arrivals`], (each) =>
        Effect.map(
          client.send("MEMORY", "USAGE", each),
          (bytes): Quantity => ({
            workload: "leaderboard",
            subject: "toolkit",
            what: `memory of ${each}`,
            value: Math.round(Number(bytes) / 2 ** 20),
            unit: "MiB"
          })
        )
      )
      return { results: [], quantities: [...quantities, ...sizes] }
    }).pipe(
      // a busy machine may let some of a million calls wait for too long
      RetryPolicy.withRetry({ within: "10 minutes" }),
      Effect.orDie,
      emptied
    )
}
