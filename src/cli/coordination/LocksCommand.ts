/**
 * `effect-cache locks` and `effect-cache locks reset <key>`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { RedisClient } from "../../redis/RedisClient.js"
import { failed, ofRedis, usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as Holders from "./Holders.js"

const most = Options.integer("most").pipe(
  Options.withDefault(1000),
  Options.withDescription("List at most so many locks, and as many semaphores.")
)

const rowOf = ({ endsInMillis, fencingToken, key, kind, permits, token }: Holders.Holder): ReadonlyArray<string> => [
  permits === undefined ? kind : `${kind} (${permits} permits)`,
  Screen.plain(key),
  `held by ${Screen.plain(token)}`,
  endsInMillis === null ? "never ends" : `ends in ${Time.shown(endsInMillis)}`,
  fencingToken === undefined ? "" : `fencing token ${fencingToken}`
]

const reset = Command.make(
  "reset",
  {
    key: Args.text({ name: "key" }).pipe(Args.withDescription("The key as the application names it.")),
    semaphore: Options.boolean("semaphore").pipe(
      Options.withDescription("Release all permits of the semaphore of that key.")
    ),
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ json, key, semaphore, yes }) =>
    Effect.gen(function* () {
      const kind = semaphore ? "semaphore" : "lock"
      const what = semaphore ? `all permits of the semaphore ${key}` : `the lock ${key}`
      yield* Confirmation.required(
        { yes, json },
        `release ${what}, whose holder may be at work and notices it only at its next renewal`
      )
      const released = yield* RedisClient.pipe(
        Effect.flatMap((client) =>
          Effect.mapError(Holders.release(client, kind, key), (error) =>
            error._tag === "InvalidKey" ? usage(error.message) : ofRedis(error)
          )
        ),
        Connection.provide()
      )
      if (released.length === 0) return yield* failed(`nobody holds the ${kind} ${key}`)
      yield* Screen.print(json, { lines: [`released ${what}`], data: { kind, key, released } })
    })
).pipe(Command.withDescription("Release a lock or a semaphore for its holder, and wake the callers that wait for it."))

export const command = Command.make("locks", { most, json: Screen.json }, ({ json, most }) =>
  Effect.gen(function* () {
    const { hasMore, holders } = yield* RedisClient.pipe(
      Effect.flatMap((client) => Effect.mapError(Holders.list(client, most), ofRedis)),
      Connection.provide()
    )
    yield* Screen.print(json, {
      lines: [
        ...(holders.length === 0 ? ["no lock and no permit is held"] : Screen.table(holders.map(rowOf))),
        ...(hasMore ? [`more than ${most}: --most shows more`] : [])
      ],
      data: { holders, hasMore }
    })
  })
).pipe(
  Command.withDescription("List who holds locks and permits, by the token that the holder has, and until when."),
  Command.withSubcommands([reset])
)
