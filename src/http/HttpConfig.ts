/**
 * The settings of the server: `HOST`, `PORT`, `ALLOWED_HOSTS`, `API_TOKEN`, `API_TOKEN_FILE`, `HTTP_RATE_LIMIT`. An empty variable
 * counts as unset; a wrong one is a `ConfigError` that names it and the accepted form.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SecretConfig from "../internal/input/SecretConfig.js"
import * as TokenFile from "./token/TokenFile.js"

const text = (name: string): Config.Config<string> =>
  Config.string(name).pipe(
    Config.withDefault(""),
    Config.map((value) => value.trim())
  )

const parse = <A>(name: string, form: string, decode: (value: string) => Option.Option<A>): Config.Config<A> =>
  Config.mapOrFail(text(name), (value) =>
    Either.fromOption(decode(value), () => ConfigError.InvalidData([name], `expected ${form}`))
  )

/**
 * The address to listen on; `127.0.0.1` by default.
 *
 * @since 0.1.0
 * @category config
 */
export const host: Config.Config<string> = parse(
  "HOST",
  "a host name or an IP address, as in 127.0.0.1 or 0.0.0.0",
  (value) => (value === "" ? Option.some("127.0.0.1") : Option.liftPredicate(value, (host) => /^[\w.:-]+$/.test(host)))
)

/**
 * The port to listen on; `3000` by default, any free one for `0`.
 *
 * @since 0.1.0
 * @category config
 */
export const port: Config.Config<number> = parse(
  "PORT",
  "a whole number from 0 to 65535, as in 3000 (0 takes any free port)",
  (value) => {
    if (value === "") return Option.some(3000)
    return /^\d{1,5}$/.test(value) && Number(value) <= 65535 ? Option.some(Number(value)) : Option.none()
  }
)

/**
 * Further host names that requests may use while the server listens on loopback; none by default.
 *
 * @since 0.1.0
 * @category config
 */
export const allowedHosts: Config.Config<ReadonlyArray<string>> = parse(
  "ALLOWED_HOSTS",
  "host names without scheme or port, separated by commas, as in game.example.com",
  (value) => {
    const names = value.split(",").map((name) => name.trim().toLowerCase())
    if (value === "") return Option.some([])
    return names.every((name) => /^[a-z0-9_.-]+$/.test(name)) ? Option.some(names) : Option.none()
  }
)

/**
 * The token that writes and personal data need: `API_TOKEN`, or the content of the file that `API_TOKEN_FILE` names.
 *
 * @since 0.1.0
 * @category config
 */
export const apiToken: Config.Config<Option.Option<Redacted.Redacted>> = Config.mapOrFail(
  SecretConfig.make("API_TOKEN"),
  (secret) => {
    const token = Option.map(secret, (value) => Redacted.value(value).trim())
    return Option.isNone(token) || TokenFile.isToken(token.value)
      ? Either.right(Option.map(token, (value) => Redacted.make(value)))
      : Either.left(
          ConfigError.InvalidData(
            ["API_TOKEN"],
            "expected visible ASCII characters without spaces, since it travels in a header"
          )
        )
  }
)

/**
 * How many requests a client may send.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestLimit {
  readonly limit: number
  readonly window: Duration.Duration
}

/**
 * The most requests of one client in a number of seconds; no limit by default.
 *
 * @since 0.1.0
 * @category config
 */
export const requestLimit: Config.Config<Option.Option<RequestLimit>> = parse(
  "HTTP_RATE_LIMIT",
  "so many requests in so many seconds, both from 1 to 9999999, as in 600/60 (0 or nothing for no limit)",
  (value) => {
    if (value === "" || value === "0") return Option.some(Option.none())
    const [, limit, seconds] = /^([1-9]\d{0,6})\/([1-9]\d{0,6})$/.exec(value) ?? []
    return limit === undefined
      ? Option.none()
      : Option.some(Option.some({ limit: Number(limit), window: Duration.seconds(Number(seconds)) }))
  }
)
