/**
 * The errors of commands. They differ by what the caller may conclude: the command was never sent, its outcome is unknown,
 * or the server rejected it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RejectionCode from "./RejectionCode.js"

const longestDetail = 256

/**
 * A server's words as an error may hold them: one line, and no more than a log can bear. A server that is broken or
 * hostile answers with megabytes, and every error may be logged.
 */
const brief = (text: string): string => {
  const whole = text.length <= longestDetail
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are removed
  const line = (whole ? text : text.slice(0, longestDetail)).replace(/[\u0000-\u001f\u007f]+/g, " ")
  return whole ? line : `${line}… (${text.length} characters)`
}

/** The words of an error that is being made. */
const briefOf = ({ detail }: { readonly detail: string }): string => brief(detail)

const briefValueOf = ({ value }: { readonly value: string }): string => brief(value)

const locate = (address: string | undefined, detail: string): string => [address, detail].filter(Boolean).join(": ")

const inParentheses = (text: string): string => (text === "" ? "" : ` (${text})`)

/**
 * The command was **never sent**: repeating it is always safe.
 *
 * - `Disabled`: the client is switched off (`REDIS_ENABLED=false`, `layerOff`) or was closed
 * - `Connecting`: the first connection is still being made
 * - `Disconnected`: the connection ended and the next one is not up yet
 * - `CircuitOpen`: too many recent commands failed; the circuit breaker rejects more until a probe succeeds
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
  Disabled:
    "Redis is switched off (REDIS_ENABLED=false or layerOff) or the client was closed; the command was not sent",
  Connecting: "Redis is not connected yet; the command was not sent",
  Disconnected: "Redis is disconnected and the client is reconnecting; the command was not sent",
  CircuitOpen: "the circuit breaker is open after repeated failures; the command was not sent",
  Overloaded: "too many commands are in flight and waiting; the command was not sent"
}

/**
 * No reply arrived in time. The **outcome is unknown**: the server may have applied the command.
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
 * The server **rejected** the login or the user's rights do not cover the command. Nothing was applied, unless the right
 * was missing inside a script, half way. `detail` holds the first 256 characters of the reply.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisAuthError extends Schema.TaggedError<RedisAuthError>()("RedisAuthError", {
  reason: Schema.Literal("WrongPassword", "PasswordRequired", "NoPermission"),
  /** the command that was rejected; absent when the login itself was */
  command: Schema.optional(Schema.String),
  /** where the login was rejected, without user and password; absent when a command was */
  address: Schema.optional(Schema.String),
  /** the server's own words */
  detail: Schema.String
}) {
  override readonly detail: string = briefOf(this)

  override get message(): string {
    const command = this.command === undefined ? "" : `${this.command}: `
    return command + authAdvice[this.reason] + inParentheses(locate(this.address, this.detail))
  }
}

const authAdvice: Record<RedisAuthError["reason"], string> = {
  WrongPassword: "the server rejected the user name or password: check REDIS_URL, or REDIS_USERNAME and REDIS_PASSWORD",
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
  /**
   * The kind, in Redis' words, however the server says it: WRONGTYPE, OOM, READONLY, LOADING, BUSY, NOSCRIPT, CROSSSLOT, …;
   * ERR for any other. NOSCRIPTING is the toolkit's own: the server does not know EVAL.
   */
  code: Schema.String,
  /** the reply, at most its first 256 characters */
  detail: Schema.String
}) {
  override readonly detail: string = briefOf(this)

  override get message(): string {
    const advice = rejectionAdvice[this.code]
    return `${this.command} was rejected: ${this.detail}${advice === undefined ? "" : ` (${advice})`}`
  }
}

const rejectionAdvice: Readonly<Record<string, string | undefined>> = {
  OOM: "the server is full: raise its maxmemory, or let it evict",
  READONLY: "the server is a replica: name the primary's address",
  NOSCRIPTING:
    "the server runs no Lua scripts, which the toolkit needs: load its Lua module, as Valkey 9.1 does by default"
}

/**
 * A reply arrived that does not have the shape its command promises, or the bytes on the wire were no Redis protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisProtocolError extends Schema.TaggedError<RedisProtocolError>()("RedisProtocolError", {
  command: Schema.String,
  /** what does not fit, at most 256 characters of it */
  detail: Schema.String
}) {
  override readonly detail: string = briefOf(this)

  override get message(): string {
    return `unexpected reply to ${this.command}: ${this.detail}`
  }
}

/**
 * An argument cannot be right. The command was **never sent**, and fails the same way when it is repeated.
 *
 * @since 0.2.0
 * @category errors
 */
export class InvalidArgument extends Schema.TaggedError<InvalidArgument>()("InvalidArgument", {
  command: Schema.String,
  /** the name of the argument, such as `timeToLive` */
  argument: Schema.String,
  /** the value as the message shows it, at most 256 characters of it */
  value: Schema.String,
  /** what is allowed, such as "an integer of at least 1" */
  allowed: Schema.String
}) {
  override readonly value: string = briefValueOf(this)

  override get message(): string {
    return `${this.command}: argument \`${this.argument}\` is ${this.value}; it must be ${this.allowed}`
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
  | InvalidArgument

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
  RedisProtocolError,
  InvalidArgument
)

/**
 * Why a connection could not be made, or why it ended. It is never the error of a command: it stands in the status and in
 * the log.
 *
 * - `Refused`: nothing accepts connections at the address
 * - `HostNotFound`: the host's name does not resolve
 * - `Timeout`: no answer in time
 * - `Tls`: one side speaks TLS and the other does not, or the certificate is not trusted
 * - `Address`: a setting that cannot be right, such as a path in the place of the host
 * - `Database`: the database index does not exist
 * - `Unsupported`: the server or a proxy before it knows no HELLO, so no RESP3
 * - `Protocol`: the replies are not Redis' protocol
 * - `Rejected`: the server refused the connection for another reason, which `detail` says
 * - `Loading`, `TooManyClients`: the server will be there later
 * - `Replica`: the server takes no writes, so that the address no longer leads to the primary
 * - `SentinelsUnavailable`: no sentinel answers
 * - `UnknownMaster`: the sentinels that answer watch no primary of this name
 * - `PrimaryDisputed`: sentinels name different servers, and none of these takes the connection
 * - `Superseded`: the sentinels have named another primary, which is dialled next
 * - `Credentials`: the effect that gives user name and password has failed
 * - `Closed`: the connection ended
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisConnectError extends Schema.TaggedError<RedisConnectError>()("RedisConnectError", {
  reason: Schema.Literal(
    "Refused",
    "HostNotFound",
    "Timeout",
    "Tls",
    "Address",
    "Database",
    "Unsupported",
    "Protocol",
    "Rejected",
    "Loading",
    "TooManyClients",
    "Replica",
    "Credentials",
    "SentinelsUnavailable",
    "UnknownMaster",
    "PrimaryDisputed",
    "Superseded",
    "Closed"
  ),
  /** where the client dialled, without user and password */
  address: Schema.optional(Schema.String),
  /** the words of the server or the system, at most 256 characters */
  detail: Schema.String
}) {
  override readonly detail: string = briefOf(this)

  override get message(): string {
    return connectAdvice[this.reason] + inParentheses(locate(this.address, this.detail))
  }
}

const connectAdvice = {
  Refused: "nothing accepts connections there: check the host and port, and that the server runs",
  HostNotFound:
    "the host's name does not resolve: check it in REDIS_URL, REDIS_HOST or the list of servers, and check DNS",
  Timeout: "the server did not answer in time: check the address and the firewall, and rediss:// where it speaks TLS",
  Tls: "the TLS handshake failed",
  Address: "the connection's settings cannot be right",
  Database: "the database index was rejected: check REDIS_DB, or the path of REDIS_URL",
  Unsupported:
    "the server, or a proxy before it, does not know HELLO (RESP3): use Redis 6 or later, Valkey or Dragonfly, without twemproxy or Envoy between, or effect-cache-toolkit/IoRedis, which speaks RESP2 too",
  Protocol: "what answers there does not speak Redis' protocol: check the host and port, and what stands between",
  Rejected: "the server refused the connection",
  Loading: "the server is still loading its data set",
  TooManyClients: "the server has reached its maxclients: raise it, or open fewer connections",
  Replica: "the server is a replica and takes no writes: check that the address leads to the primary",
  SentinelsUnavailable:
    "no sentinel answers: check that they run, REDIS_SENTINELS, and REDIS_SENTINEL_PASSWORD where they ask for one",
  UnknownMaster:
    "the sentinels watch no primary of this name: check REDIS_SENTINEL_MASTER against `sentinel monitor` in sentinel.conf",
  PrimaryDisputed:
    "the sentinels name different primaries, and none takes the connection: check that the sentinels reach each other",
  Superseded: "the sentinels have named another primary, which the client dials now",
  Credentials: "the user name and password cannot be read: check REDIS_PASSWORD_FILE, or the option credentials",
  Closed: "the connection ended"
} as const

/**
 * Whether the command was not applied, and may succeed when it is repeated, whatever it is. False for `InvalidArgument`,
 * which was never sent either and fails the same way each time.
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
 * The typed error for an error reply of the server. The kind is the reply's first word, or what Redis would say where a
 * server words it otherwise, as Dragonfly does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromServerReply = (command: string, detail: string): RedisAuthError | RedisServerError => {
  const code = RejectionCode.of(command, detail)
  if (code === "NOPERM") return new RedisAuthError({ reason: "NoPermission", command, detail })
  if (code === "WRONGPASS") return new RedisAuthError({ reason: "WrongPassword", command, detail })
  if (code === "NOAUTH") return new RedisAuthError({ reason: "PasswordRequired", command, detail })
  return new RedisServerError({ command, code, detail })
}
