/**
 * What can go wrong with a command, told apart by what the caller may conclude: it was never sent, its outcome is
 * unknown, or the server rejected it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The command was **never sent**: repeating it is always safe.
 *
 * - `Disabled`: the client is switched off (`REDIS_ENABLED=false`)
 * - `Connecting`: the first connection is still being made
 * - `Disconnected`: the connection ended and the next one is not up yet
 * - `CircuitOpen`: too many recent commands failed; the circuit breaker refuses more until a probe succeeds
 * - `Overloaded`: the bounds on commands in flight and waiting are both reached
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisUnavailable extends Schema.TaggedError<RedisUnavailable>()("RedisUnavailable", {
  reason: Schema.Literal("Disabled", "Connecting", "Disconnected", "CircuitOpen", "Overloaded")
}) {
  override get message(): string {
    return unavailableMessages[this.reason]
  }
}

const unavailableMessages: Record<RedisUnavailable["reason"], string> = {
  Disabled: "Redis is disabled (REDIS_ENABLED=false); the command was not sent",
  Connecting: "Redis is not connected yet; the command was not sent",
  Disconnected: "Redis is disconnected and the client is reconnecting; the command was not sent",
  CircuitOpen: "the circuit breaker is open after repeated failures; the command was not sent",
  Overloaded: "too many commands are in flight and waiting; the command was not sent"
}

/**
 * No reply came in time. The **outcome is unknown**: the server may have applied the command.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisTimeout extends Schema.TaggedError<RedisTimeout>()("RedisTimeout", {
  command: Schema.String,
  /** how long the client waited, in milliseconds */
  waitedMillis: Schema.Number
}) {
  override get message(): string {
    return `no reply to ${this.command} within ${this.waitedMillis} ms; whether it was applied is unknown`
  }
}

/**
 * The connection ended after the command was handed to it and before its reply came. The **outcome is unknown**.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisConnectionLost extends Schema.TaggedError<RedisConnectionLost>()("RedisConnectionLost", {
  command: Schema.String
}) {
  override get message(): string {
    return `the connection ended before the reply to ${this.command}; whether it was applied is unknown`
  }
}

/**
 * The server **rejected** the login or the user's rights do not cover the command. Nothing was applied.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisAuthError extends Schema.TaggedError<RedisAuthError>()("RedisAuthError", {
  reason: Schema.Literal("WrongPassword", "PasswordRequired", "NoPermission"),
  /** the command that was refused; absent when the login itself was */
  command: Schema.optional(Schema.String),
  /** the server's own words */
  detail: Schema.String
}) {
  override get message(): string {
    return `${authAdvice[this.reason]} (${this.detail})`
  }
}

const authAdvice: Record<RedisAuthError["reason"], string> = {
  WrongPassword: "the server refused the user name or password: check REDIS_URL, or REDIS_USERNAME and REDIS_PASSWORD",
  PasswordRequired: "the server asks for a password: set it in REDIS_URL or REDIS_PASSWORD",
  NoPermission: "the user's ACL does not allow this command or key: ask for the right, or use another user"
}

/**
 * The server **rejected** the command with an error reply. Nothing was applied, unless a script failed half way.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisServerError extends Schema.TaggedError<RedisServerError>()("RedisServerError", {
  command: Schema.String,
  /** the first word of the reply: WRONGTYPE, ERR, OOM, READONLY, LOADING, BUSY, NOSCRIPT, … */
  code: Schema.String,
  /** the whole reply */
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.command} was rejected: ${this.detail}`
  }
}

/**
 * A reply arrived that does not have the shape its command promises, or the bytes on the wire were no Redis protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisProtocolError extends Schema.TaggedError<RedisProtocolError>()("RedisProtocolError", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `unexpected reply to ${this.command}: ${this.detail}`
  }
}

/**
 * Everything a command can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type RedisError =
  | RedisUnavailable
  | RedisTimeout
  | RedisConnectionLost
  | RedisAuthError
  | RedisServerError
  | RedisProtocolError

/**
 * The schema of `RedisError`.
 *
 * @since 0.1.0
 * @category errors
 */
export const RedisError = Schema.Union(
  RedisUnavailable,
  RedisTimeout,
  RedisConnectionLost,
  RedisAuthError,
  RedisServerError,
  RedisProtocolError
)

/**
 * Why a connection could not be made. It is never the error of a command: it stands in the status and in the log.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisConnectError extends Schema.TaggedError<RedisConnectError>()("RedisConnectError", {
  reason: Schema.Literal("Refused", "Timeout", "Tls", "Database", "Loading", "TooManyClients", "Closed"),
  detail: Schema.String
}) {
  override get message(): string {
    return `${connectAdvice[this.reason]} (${this.detail})`
  }
}

const connectAdvice: Record<RedisConnectError["reason"], string> = {
  Refused: "nothing accepts connections there: check the host and port, and that the server runs",
  Timeout: "the server did not answer in time: check the address, the firewall, and rediss:// where it speaks TLS",
  Tls: "the TLS handshake failed: check the server's certificate and REDIS_TLS_CA_FILE",
  Database: "the database index was refused: check REDIS_DB, or the path of REDIS_URL",
  Loading: "the server is still loading its data set",
  TooManyClients: "the server has reached its maxclients",
  Closed: "the connection ended"
}

/**
 * Whether the caller may take the command as not applied and repeat it, whatever it is.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isNotSent = (error: RedisError): error is RedisUnavailable => error._tag === "RedisUnavailable"

/**
 * Whether the command may or may not have been applied: only an idempotent one may be repeated.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isOutcomeUnknown = (error: RedisError): error is RedisTimeout | RedisConnectionLost | RedisProtocolError =>
  error._tag === "RedisTimeout" || error._tag === "RedisConnectionLost" || error._tag === "RedisProtocolError"

/**
 * The typed error for an error reply of the server: the kind is its first word, wherever Dragonfly puts the original
 * behind "Error running script".
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromServerReply = (command: string, detail: string): RedisAuthError | RedisServerError => {
  const original = /^ERR Error running script.*? -(.*)$/s.exec(detail)?.[1] ?? detail
  const code = /^-?([A-Z][A-Z0-9_]*)\b/.exec(original)?.[1] ?? "ERR"
  if (code === "NOPERM") return new RedisAuthError({ reason: "NoPermission", command, detail })
  if (code === "WRONGPASS") return new RedisAuthError({ reason: "WrongPassword", command, detail })
  if (code === "NOAUTH") return new RedisAuthError({ reason: "PasswordRequired", command, detail })
  return new RedisServerError({ command, code, detail })
}
