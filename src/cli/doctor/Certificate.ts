/**
 * The certificate that a server shows over TLS: whether it is trusted, and until when it is valid.
 *
 * @internal
 */
import { readFileSync } from "node:fs"
import * as tls from "node:tls"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { defaultHost, defaultPort, describe, type RedisAddress } from "../../redis/RedisAddress.js"
import type { Finding } from "./Finding.js"

interface Shown {
  readonly validTo: number
  readonly issuer: string
  /** why it is not trusted; undefined where it is */
  readonly distrust: string | undefined
}

/** so long may a server take to begin TLS */
const handshakeMillis = 5000

const fileOf = (path: string | undefined): string | undefined => {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, "utf8")
  } catch {
    // the dial names a file that cannot be read
    return undefined
  }
}

const nameOf = (name: Partial<Record<string, unknown>> | undefined): string =>
  String(name?.CN ?? name?.O ?? "an authority without a name")

/** Reads the certificate without believing it. Undefined where no TLS begins, which the dial explains. */
const look = ({ host = defaultHost, port = defaultPort, tls: files = {} }: RedisAddress) =>
  Effect.async<Shown | undefined>((resume) => {
    const options = {
      host,
      port,
      ca: fileOf(files.caFile),
      cert: fileOf(files.certFile),
      key: fileOf(files.keyFile),
      // a name in SNI is no IP address
      servername: files.serverName ?? (/^[\d.]+$|:/.test(host) ? undefined : host)
    }
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    const socket = tls.connect({ ...given, rejectUnauthorized: false })
    const end = (shown: Shown | undefined) => {
      socket.destroy()
      resume(Effect.succeed(shown))
    }
    socket.setTimeout(handshakeMillis)
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerCertificate()
      const failure: unknown = socket.authorizationError
      end({
        validTo: Date.parse(certificate.valid_to),
        issuer: nameOf({ ...certificate.issuer }),
        distrust: socket.authorized ? undefined : String(failure instanceof Error ? failure.message : failure)
      })
    })
    socket.once("timeout", () => end(undefined))
    socket.once("error", () => end(undefined))
    return Effect.sync(() => socket.destroy())
  })

const day = 24 * 60 * 60 * 1000

/** Renewals are mostly tried a month before the end. */
const soonDays = 21

const judged = (server: string, { distrust, issuer, validTo }: Shown, now: number): Finding => {
  const finding = { check: "tls", server } as const
  const until = Number.isNaN(validTo) ? "an unknown day" : new Date(validTo).toISOString().slice(0, 10)
  const days = Math.floor((validTo - now) / day)
  if (days < 0) {
    return {
      ...finding,
      level: "error",
      message: `the certificate has expired on ${until}`,
      remedy: "renew it, then restart the server or CONFIG SET tls-cert-file: clients refuse it until then"
    }
  }
  if (distrust !== undefined) {
    return {
      ...finding,
      level: "error",
      message: `the certificate is not trusted (${distrust}): it is signed by "${issuer}"`,
      remedy: `name the file with the certificate of the authority "${issuer}" in REDIS_TLS_CA_FILE`
    }
  }
  return days < soonDays
    ? {
        ...finding,
        level: "warning",
        message: `the certificate expires in ${days} days, on ${until}`,
        remedy: "renew it now, and find out why its renewal does not run"
      }
    : { ...finding, level: "ok", message: `trusted, and valid until ${until}` }
}

const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|::1)$/.test(host)

/** What the certificate of a server says. A server that cannot be reached gives nothing: `reach` says why. */
export const findings = (address: RedisAddress): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.gen(function* () {
    const server = describe(address)
    if (address.path !== undefined) return []
    if (address.tls === undefined) {
      return isLoopback(address.host ?? defaultHost)
        ? []
        : [
            {
              check: "tls",
              level: "note",
              server,
              message: "no TLS: a machine on the way can read passwords and values (rediss:// encrypts them)"
            }
          ]
    }
    const shown = yield* look(address)
    return shown === undefined ? [] : [judged(server, shown, yield* Clock.currentTimeMillis)]
  })
