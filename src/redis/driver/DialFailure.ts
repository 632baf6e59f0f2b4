/**
 * Finds out why a dial has failed: by the server's words, by the code of the socket's error, or by a second dial. Bun's client
 * says "Connection closed" whether the name does not resolve or the port speaks TLS, and the second dial distinguishes them.
 *
 * @internal
 */
import { readFileSync } from "node:fs"
import * as tls from "node:tls"
import * as Effect from "effect/Effect"
import * as RedisConfig from "../RedisConfig.js"
import { RedisAuthError, RedisConnectError } from "../RedisError.js"

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
  if (/Bad TLS header/i.test(detail)) return new RedisConnectError({ reason: "Tls", address, detail })
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

const isTls = /CERT|TLS|SSL|SELF_SIGNED|ISSUER|HOSTNAME|ALTNAME/i

/** What the error of a socket means. */
export const ofSocket = (address: string, code: string, detail: string): RedisConnectError => {
  const failed = (reason: RedisConnectError["reason"], detail: string) =>
    new RedisConnectError({ reason, address, detail })
  if (isHostNotFound(code)) return failed("HostNotFound", code)
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENOENT|EACCES)$/.test(code)) return failed("Refused", code)
  if (code === "ETIMEDOUT") return failed("Timeout", code)
  return isTls.test(`${code} ${detail}`) ? failed("Tls", `${code} ${detail}`.trim()) : failed("Closed", detail)
}

const isHostNotFound = (code: string): boolean => /^(ENOTFOUND|EAI_|ENODATA|ESERVFAIL)/.test(code)

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

/** so long may a server take to begin TLS */
const tlsMillis = 1000

/** Whether the host resolves, accepts connections and speaks TLS. */
const look = (address: RedisConfig.RedisAddress): Effect.Effect<RedisConnectError> =>
  Effect.async((resume) => {
    const said = RedisConfig.describe(address)
    let accepted = false
    const end = (reason: "Refused" | "HostNotFound" | "Tls" | "Closed", detail: string) => {
      socket.destroy()
      resume(Effect.succeed(new RedisConnectError({ reason, address: said, detail })))
    }
    const closed = () => end("Closed", accepted ? "the connection is accepted and ended at once" : "")
    const socket = tls.connect({
      ...(address.path === undefined
        ? { host: address.host ?? RedisConfig.defaultHost, port: address.port ?? RedisConfig.defaultPort }
        : { path: address.path }),
      // nothing is sent or believed here: only whether it speaks TLS
      rejectUnauthorized: false
    })
    socket.once("connect", () => {
      accepted = true
      socket.setTimeout(tlsMillis)
    })
    socket.once("secureConnect", () =>
      address.tls === undefined
        ? end("Tls", "the server speaks TLS: use rediss://, or REDIS_TLS_CA_FILE beside REDIS_HOST")
        : closed()
    )
    socket.once("timeout", closed)
    socket.once("close", closed)
    socket.on("error", (cause) => {
      const code = codeOf(cause)
      if (isHostNotFound(code)) return end("HostNotFound", code)
      if (accepted) return closed()
      end("Refused", code)
    })
    return Effect.sync(() => socket.destroy())
  })

/** Whether the certificate of the client and its key belong together: a client that has others says nothing of it. */
const certificateProblem = ({ tls: files }: RedisConfig.RedisAddress): Effect.Effect<string | undefined> =>
  Effect.sync(() => {
    if (files?.certFile === undefined || files.keyFile === undefined) return undefined
    try {
      tls.createSecureContext({ cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) })
      return undefined
    } catch (cause) {
      const code = codeOf(cause)
      // a file that cannot be read is named by the failure itself
      return code.startsWith("ERR_")
        ? `REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE do not fit together: ${code}`
        : undefined
    }
  })

/** The failure of a dial, as exactly as a second look can tell. */
export const explained = (
  address: RedisConfig.RedisAddress,
  failure: RedisConnectError | RedisAuthError
): Effect.Effect<RedisConnectError | RedisAuthError> => {
  const isUnexplained = failure._tag === "RedisConnectError" && failure.reason === "Closed" && failure.detail === ""
  if (!isUnexplained && failure.reason !== "Tls") return Effect.succeed(failure)
  return Effect.flatMap(certificateProblem(address), (problem) =>
    problem === undefined
      ? isUnexplained
        ? look(address)
        : Effect.succeed(failure)
      : Effect.succeed(
          new RedisConnectError({ reason: "Tls", address: RedisConfig.describe(address), detail: problem })
        )
  )
}
