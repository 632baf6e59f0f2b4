/**
 * Validates the input of every implementation of the database, so that none stores a value that it cannot read back.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { FencingToken } from "../../coordination/DistributedLock.js"
import { DatabaseError } from "../Database.js"
import { Balance, GameState, UserProfile } from "../Player.js"

/** Converts a value that does not match its schema into the error of an operation. */
const toDatabaseError = (operation: string, error: ParseResult.ParseError): DatabaseError =>
  new DatabaseError({
    operation,
    rejected: true,
    detail: ParseResult.ArrayFormatter.formatErrorSync(error)
      .map(({ message, path }) => [...path, message].join(": "))
      .join("; ")
  })

const accepting = <A, I>(schema: Schema.Schema<A, I>) => {
  const validate = Schema.validateEither(schema)
  return (operation: string, input: A): Either.Either<A, DatabaseError> =>
    Either.mapLeft(validate(input), (error) => toDatabaseError(operation, error))
}

const NewUser = Schema.Struct({
  username: UserProfile.fields.username,
  displayName: UserProfile.fields.displayName,
  email: UserProfile.fields.email
})

/**
 * @since 0.1.0
 * @category validation
 */
export const newUser = accepting(NewUser)

/**
 * @since 0.1.0
 * @category validation
 */
export const userUpdates = accepting(Schema.partial(NewUser))

/**
 * A balance, or an amount that moves between balances: whole and not negative.
 *
 * @since 0.1.0
 * @category validation
 */
export const amount = accepting(Balance)

/**
 * @since 0.1.0
 * @category validation
 */
export const playedGame = accepting(Schema.Struct({ won: Schema.Boolean, score: Balance }))

/**
 * @since 0.1.0
 * @category validation
 */
export const gameUpdate = accepting(
  Schema.Struct({
    updates: Schema.partial(Schema.Struct({ status: GameState.fields.status, round: GameState.fields.round })),
    fencingToken: FencingToken
  })
)

/**
 * @since 0.1.0
 * @category validation
 */
export const page = accepting(Schema.Struct({ offset: Schema.NonNegativeInt, limit: Schema.NonNegativeInt }))
