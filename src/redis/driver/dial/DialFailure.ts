/**
 * Says why a dial has failed: by the server's words, or by the code of the socket's error.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as RedisConfig from "../../RedisConfig.js"
import { RedisAuthError, RedisConnectError } from "../../RedisError.js"

export const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** A reply to the login without what it repeats of it: a server that does not know HELLO repeats the password. */
export const withoutLogin = (reply: string): string => reply.split(/,? with args|,? otherwise the HELLO/)[0] ?? ""

/** What the server made of HELLO, AUTH, SELECT or the first PING; undefined when its answer shows that the connection stands. */
export const ofReply = (
  address: string,
  isLogin: boolean,
  whole: string
): RedisConnectError | RedisAuthError | undefined => {
  const detail = withoutLogin(whole)
  if (/Bad TLS header/i.test(detail)) {
    return new RedisConnectError({ reason: "Tls", address, detail: `${speaksTls} (${detail})` })
  }
  if (/max number of clients/i.test(detail)) return new RedisConnectError({ reason: "TooManyClients", address, detail })
  if (/^(LOADING|MASTERDOWN|BUSY)\b/.test(detail)) return new RedisConnectError({ reason: "Loading", address, detail })
  if (/DB index/i.test(detail)) return new RedisConnectError({ reason: "Database", address, detail })
  if (!isLogin && /^(NOPERM|ERR unknown command)/i.test(detail)) return undefined
  if (/^NOPERM/.test(detail)) return new RedisAuthError({ reason: "NoPermission", address, detail })
  if (/^NOAUTH/.test(detail)) return new RedisAuthError({ reason: "PasswordRequired", address, detail })
  if (/^(-?ERR )?(NOPROTO|unknown command|unsupported|invalid command)/i.test(detail)) {
    return new RedisConnectError({ reason: "Unsupported", address, detail })
  }
  if (/^WRONGPASS|\bAUTH\b|password/i.test(detail) && !/^DENIED/.test(detail)) {
    return new RedisAuthError({ reason: "WrongPassword", address, detail })
  }
  return new RedisConnectError({ reason: "Rejected", address, detail })
}

/** The detail of a server without TLS behind `redis://`, and of one with TLS behind it. */
export const speaksTls = "the server speaks TLS: use rediss://, or a variable REDIS_TLS_*_FILE beside REDIS_HOST"
export const speaksNoTls = "the server speaks no TLS: use redis://, without a variable REDIS_TLS_*_FILE"

const isTls = /CERT|TLS|SSL|SELF_SIGNED|ISSUER|HOSTNAME|ALTNAME/i

/** What to do about the words of OpenSSL or BoringSSL. */
const tlsAdvice: ReadonlyArray<readonly [words: RegExp, advice: string]> = [
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|wrong version number/i, speaksNoTls],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    "no authority that this machine trusts has signed the certificate: name the one that has in REDIS_TLS_CA_FILE"
  ],
  [/CERT_HAS_EXPIRED/, "the server's certificate has expired: renew it"],
  [/CERT_NOT_YET_VALID/, "the server's certificate is not valid yet: check the clock of this machine"],
  [/ALTNAME/, "the server's certificate is for another host: use a name that stands in it"],
  [
    /CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA/i,
    "the server asks for a certificate that it trusts: REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"
  ]
]

const ofTls = (words: string): string => {
  const advice = tlsAdvice.find(([pattern]) => pattern.test(words))?.[1]
  return `${advice ?? "check rediss:// or redis://, the server's certificate, and the variables REDIS_TLS_*_FILE"} (${words})`
}

/** What the error of a socket means. */
export const ofSocket = (address: string, code: string, detail: string): RedisConnectError => {
  const failed = (reason: RedisConnectError["reason"], detail: string) =>
    new RedisConnectError({ reason, address, detail })
  if (/^(ENOTFOUND|EAI_|ENODATA|ESERVFAIL)/.test(code)) return failed("HostNotFound", code)
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENOENT|EACCES)$/.test(code)) return failed("Refused", code)
  if (code === "ETIMEDOUT") return failed("Timeout", code)
  return isTls.test(`${code} ${detail}`) ? failed("Tls", ofTls(`${code} ${detail}`.trim())) : failed("Closed", detail)
}

/** Fails where the address cannot be right, so that it is never dialled. */
export const ofAddress = (address: RedisConfig.RedisAddress): Effect.Effect<void, RedisConnectError> => {
  const fail = (detail: string) =>
    Effect.fail(new RedisConnectError({ reason: "Address", address: RedisConfig.describe(address), detail }))
  if (address.path !== undefined && address.tls !== undefined) return fail("a unix socket carries no TLS")
  const problem = address.path === undefined ? RedisConfig.hostProblem(address.host) : undefined
  return problem === undefined ? Effect.void : fail(`the host ${problem}`)
}

/** Why Bun's client could not even be made. Its words may hold the URL, and so the password. */
export const ofSettings = (address: string, cause: unknown): RedisConnectError => {
  const message = messageOf(cause)
  const file = /keyFile/i.test(message) ? "KEY" : /certFile/i.test(message) ? "CERT" : "CA"
  if (/keyFile|caFile|\bca\b|cert/i.test(message)) {
    return new RedisConnectError({ reason: "Tls", address, detail: `REDIS_TLS_${file}_FILE cannot be read` })
  }
  return /database number/i.test(message)
    ? new RedisConnectError({ reason: "Database", address, detail: "the index is no whole number" })
    : new RedisConnectError({ reason: "Address", address, detail: codeOf(cause) })
}
