/**
 * What several operations have: ids in paths, parameters of queries, bodies, and what the document says of them.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { GameId, UserId } from "../../game/Player.js"
import * as Examples from "./Examples.js"

/**
 * The body of a request, whose problems are all named. A misspelt field is an error, not ignored: a PATCH would otherwise answer
 * 200 and change nothing.
 */
export const body = <Fields extends Schema.Struct.Fields>(
  identifier: string,
  fields: Fields,
  example: Schema.Struct.Type<Fields>
) =>
  Schema.Struct(fields).annotations({
    identifier,
    parseOptions: { onExcessProperty: "error", errors: "all" },
    examples: [example]
  })

export const UserPath = Schema.Struct({
  id: UserId.annotations({
    description: "the id of a user, as POST /api/users answers it",
    examples: [Examples.userId]
  })
})

export const GamePath = Schema.Struct({
  id: GameId.annotations({
    description: "the id of a game, as POST /api/games answers it",
    examples: [Examples.gameId]
  })
})

/** A whole number of a query, with its value where the query has none. */
export const queryInt = (description: string, from: number, to: number, fallback: number) =>
  Schema.optionalWith(
    Schema.NumberFromString.pipe(Schema.int(), Schema.between(from, to)).annotations({
      jsonSchema: { type: "integer", description, minimum: from, maximum: to, default: fallback, examples: [fallback] }
    }),
    { default: () => fallback, exact: true }
  )

/** The parameters of a query, whose problems are all named. */
export const query = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct(fields).annotations({ parseOptions: { errors: "all" } })

/** For an operation that answers more to the holder of the token. */
export const tokenMayBeSent = { security: [{}, { bearer: [] }] }

/** The description of an operation whose answer may be cached. */
export const cachedAnswer = "Cached: `Cache-Status` of the answer says where it came from."
