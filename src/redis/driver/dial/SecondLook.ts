/**
 * Finds out why a dial has failed where the failure itself does not say it: by another connection. Bun's client says "Connection
 * closed" whether the name does not resolve or the port speaks TLS. It runs after a failure, and sends no secret.
 *
 * @internal
 */
import { readFileSync } from "node:fs"
import * as net from "node:net"
import * as tls from "node:tls"
import * as Effect from "effect/Effect"
import * as RedisConfig from "../../RedisConfig.js"
import { type RedisAuthError, RedisConnectError } from "../../RedisError.js"
import * as DialFailure from "./DialFailure.js"

/** so long may a server take to answer, or to begin TLS */
const answerMillis = 1000

const targetOf = ({ host, path, port }: RedisConfig.RedisAddress) =>
  path === undefined ? { host: host ?? RedisConfig.defaultHost, port: port ?? RedisConfig.defaultPort } : { path }

/** The first bytes that come back for PING in plain text; undefined where none do. */
export const plainAnswer = (address: RedisConfig.RedisAddress): Effect.Effect<Buffer | undefined> =>
  Effect.async((resume) => {
    const socket = net.connect(targetOf(address), () => {
      socket.setTimeout(answerMillis)
      socket.write("PING\r\n")
    })
    const end = (answer?: Buffer) => {
      socket.destroy()
      resume(Effect.succeed(answer))
    }
    socket.once("data", end)
    socket.once("timeout", () => end())
    socket.once("close", () => end())
    socket.on("error", () => end())
    return Effect.sync(() => socket.destroy())
  })

const longestLine = 40

/** The first line of an answer, as a message may show it. */
const lineOf = (answer: Buffer): string => {
  const line = /^[^\r\n]*/.exec(answer.toString("latin1"))?.[0] ?? ""
  return JSON.stringify(line.slice(0, longestLine).replace(/[^ -~]/g, "·"))
}

/** Whether the host resolves, accepts connections and speaks TLS. */
const look = (address: RedisConfig.RedisAddress): Effect.Effect<RedisConnectError> =>
  Effect.async((resume) => {
    const said = RedisConfig.describe(address)
    let accepted = false
    const end = (error: RedisConnectError) => {
      socket.destroy()
      resume(Effect.succeed(error))
    }
    const closed = (code = "") => {
      const detail = accepted ? "the connection is accepted and ended at once" : code
      end(new RedisConnectError({ reason: "Closed", address: said, detail }))
    }
    const socket = tls.connect({
      ...targetOf(address),
      // nothing is sent or believed here: only whether it speaks TLS
      rejectUnauthorized: false
    })
    socket.once("connect", () => {
      accepted = true
      socket.setTimeout(answerMillis)
    })
    socket.once("secureConnect", () =>
      address.tls === undefined
        ? end(new RedisConnectError({ reason: "Tls", address: said, detail: DialFailure.speaksTls }))
        : closed()
    )
    socket.once("timeout", () => closed())
    socket.once("close", () => closed())
    socket.on("error", (cause) => {
      const code = DialFailure.codeOf(cause)
      // a connection that is reset at once was accepted before, which Bun does not always tell
      if (/^(ECONNRESET|EPIPE|ECONNABORTED)$/.test(code)) accepted = true
      const failure = DialFailure.ofSocket(said, code, DialFailure.messageOf(cause))
      if (failure.reason === "Closed" || (failure.reason === "Tls" && address.tls === undefined)) return closed(code)
      end(failure)
    })
    return Effect.sync(() => socket.destroy())
  })

const contentOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // the failure itself names a file that cannot be read
    return undefined
  }
}

/** What is wrong with the files of TLS: a client that has the wrong ones says nothing of it. */
const fileProblem = ({ tls: files = {} }: RedisConfig.RedisAddress): string | undefined => {
  const { caFile, certFile, keyFile } = files
  const authorities = caFile === undefined ? undefined : contentOf(caFile)
  if (authorities !== undefined && !/-----BEGIN [A-Z ]*CERTIFICATE-----/.test(authorities)) {
    return "REDIS_TLS_CA_FILE holds no certificate in PEM"
  }
  const cert = certFile === undefined ? undefined : contentOf(certFile)
  const key = keyFile === undefined ? undefined : contentOf(keyFile)
  if (cert === undefined || key === undefined) return undefined
  try {
    tls.createSecureContext({ cert, key })
    return undefined
  } catch (cause) {
    return `REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE do not fit together: ${DialFailure.codeOf(cause)}`
  }
}

const withDetail = ({ address, reason }: RedisConnectError, detail: string): RedisConnectError =>
  new RedisConnectError({ reason, address, detail })

/** The failure of a dial, as exactly as a second look can tell. */
export const explained = (
  address: RedisConfig.RedisAddress,
  failure: RedisConnectError | RedisAuthError
): Effect.Effect<RedisConnectError | RedisAuthError> =>
  Effect.suspend((): Effect.Effect<RedisConnectError | RedisAuthError> => {
    if (failure._tag !== "RedisConnectError") return Effect.succeed(failure)
    // the words of a client for bytes that it cannot read help nobody
    if (failure.reason === "Protocol" && address.tls === undefined) {
      return Effect.map(plainAnswer(address), (answer) =>
        answer === undefined ? failure : withDetail(failure, `it answers ${lineOf(answer)} to PING`)
      )
    }
    const isUnexplained = failure.reason === "Closed" && failure.detail === ""
    if (!isUnexplained && failure.reason !== "Tls") return Effect.succeed(failure)
    const problem = fileProblem(address)
    if (problem !== undefined) {
      return Effect.succeed(
        new RedisConnectError({ reason: "Tls", address: RedisConfig.describe(address), detail: problem })
      )
    }
    return isUnexplained ? look(address) : Effect.succeed(failure)
  })
