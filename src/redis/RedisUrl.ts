/**
 * Parses the URL of a server.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { wholeNumber } from "../internal/input/VariableConfig.js"
import { defaultPort, type RedisAddress } from "./RedisAddress.js"

const urlForm = "redis://[username][:password@]host[:port][/database], rediss:// for TLS, or unix:///path/of/the/socket"

const socketForm = "unix://[username][:password@]/path/of/the/socket[?db=index]"

const unescapedLogin =
  "has a user name or password with one of the characters / ? # in it: escape them as %2F %3F %23 (encodeURIComponent), " +
  "or set REDIS_HOST, REDIS_USERNAME and REDIS_PASSWORD instead"

/**
 * Whether what stands before the host holds a character that ends it in a URL. The last @ stands before the host: an earlier one
 * belongs to the password.
 */
const hasUnescapedLogin = (afterScheme: string): boolean =>
  /[/?#]/.test(afterScheme.slice(0, Math.max(afterScheme.lastIndexOf("@"), 0)))

/** Decodes percent escapes; none when they are malformed or not UTF-8. */
const unescape = (text: string): Option.Option<string> => Option.liftThrowable(decodeURIComponent)(text)

/** The user name and the password of a URL, unescaped. An empty one counts as absent. */
const loginOf = (login = ""): Either.Either<Pick<RedisAddress, "username" | "password">, string> => {
  const colon = login.indexOf(":")
  const username = unescape(colon < 0 ? login : login.slice(0, colon))
  const password = unescape(colon < 0 ? "" : login.slice(colon + 1))
  if (Option.isNone(username) || Option.isNone(password)) {
    return Either.left("has a user name or password with a wrong % escape; escape it with encodeURIComponent")
  }
  return Either.right({
    username: username.value === "" ? undefined : username.value,
    password: password.value === "" ? undefined : Redacted.make(password.value)
  })
}

/** The scheme is `unix` or `redis+unix`. */
const ofSocket = (afterScheme: string): Either.Either<RedisAddress, string> => {
  // a path may hold an @, and a login stands before its first /
  if (!afterScheme.startsWith("/") && hasUnescapedLogin(afterScheme.replace(/@\/.*$/s, "@"))) {
    return Either.left(unescapedLogin)
  }
  const parts = /^(?:(?<login>[^/?#]*)@)?(?<path>\/[^?#]+)(?:\?db=(?<database>\d{1,9}))?$/s.exec(afterScheme)?.groups
  const path = unescape(parts?.path ?? "")
  if (parts === undefined || Option.isNone(path)) {
    return Either.left(`is no URL of the form ${socketForm}; escape special characters with %`)
  }
  return Either.map(loginOf(parts.login), (login) => ({
    path: path.value,
    database: Number(parts.database ?? 0),
    ...login
  }))
}

/**
 * Parses a URL (`redis://`, `rediss://`, `unix://` or `redis+unix://`) to an address. Left says what is wrong, and never holds the URL itself,
 * since that may hold a password.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUrl = (url: Redacted.Redacted<string>): Either.Either<RedisAddress, string> => {
  const socket = /^(?:redis\+)?unix:\/\/(?<rest>.*)$/is.exec(Redacted.value(url).trim())?.groups?.rest
  if (socket !== undefined) return ofSocket(socket)
  const parts =
    /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<login>[^/?#]*)@)?(?<host>\[[0-9a-f:.%]+\]|[^:/?#@[\]]*)(?::(?<port>[^/?#]*))?(?:\/(?<database>[^?#]*))?(?<rest>[?#].*)?$/is.exec(
      Redacted.value(url).trim()
    )?.groups
  const afterScheme = /^rediss?:\/\/(.*)$/is.exec(Redacted.value(url).trim())?.[1]
  if (afterScheme !== undefined && hasUnescapedLogin(afterScheme)) return Either.left(unescapedLogin)
  if (parts === undefined) return Either.left(`is no URL of the form ${urlForm}; escape special characters with %`)
  const scheme = (parts.scheme ?? "").toLowerCase()
  if (scheme !== "redis" && scheme !== "rediss") return Either.left(`has the scheme ${scheme}://; expected ${urlForm}`)
  if (parts.rest !== undefined) {
    return Either.left(`has a query or fragment; the database is the path, as in ${urlForm}`)
  }
  if (!parts.host) return Either.left(`has no host; expected ${urlForm}`)

  const port = parts.port === undefined ? defaultPort : wholeNumber(parts.port)
  if (port === undefined || port < 1 || port > 65535) return Either.left("has a port that is not between 1 and 65535")
  const database = parts.database === undefined || parts.database === "" ? 0 : wholeNumber(parts.database)
  if (database === undefined) return Either.left("has a path that is not a database index such as /0")

  return Either.map(loginOf(parts.login), (login) => ({
    host: (parts.host ?? "").replace(/^\[(.*)\]$/, "$1"),
    port,
    database,
    ...login,
    tls: scheme === "rediss" ? {} : undefined
  }))
}
