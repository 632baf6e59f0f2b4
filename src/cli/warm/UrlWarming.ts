/**
 * Warms the caches of an application through its API: one GET for each key, which looks the value up and stores it.
 *
 * @internal
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type CommandFailed, failed } from "../frame/CommandFailed.js"
import { nothingDone, type WarmProgress } from "./WarmProgress.js"

export interface UrlWarmingOptions {
  /** with `{key}` where the key stands */
  readonly template: string
  readonly token: Redacted.Redacted<string> | undefined
  readonly concurrency: number
  readonly from: number
}

type Outcome =
  | { readonly _tag: "Loaded" | "AlreadyThere" }
  | { readonly _tag: "Failed"; readonly key: string; readonly reason: string }

/** The requests of one step, for each that runs at once: few enough for frequent progress. */
const requestsPerStep = 4

const requestTimeout = "30 seconds"

/** How often a server may ask for patience about one key. */
const mostPauses = 10
const longestPauseSeconds = 60

/** A server that is busy says for how long. */
const pauseOf = ({ headers, status }: HttpClientResponse.HttpClientResponse): Duration.Duration | undefined => {
  if (status !== 429 && status !== 503) return undefined
  const seconds = Number(headers["retry-after"] ?? 1)
  return Duration.seconds(Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), longestPauseSeconds) : 1)
}

/** The application of this library says so in `Cache-Status` (RFC 9211) where its Redis is away. */
const isDegraded = (cacheStatus: string): boolean => cacheStatus.includes("degraded")

const isHit = (cacheStatus: string): boolean => /;\s*hit\b/.test(cacheStatus)

const stopped = (url: string, reason: string): CommandFailed =>
  failed(`GET ${url} has failed, and the other keys would fail too: ${reason}`)

const outcomeOf = (
  url: string,
  key: string,
  { headers, status }: HttpClientResponse.HttpClientResponse
): Effect.Effect<Outcome, CommandFailed> => {
  const cacheStatus = headers["cache-status"] ?? ""
  if (isDegraded(cacheStatus)) return Effect.fail(stopped(url, `the application's Redis is away (${cacheStatus})`))
  if (status === 401 || status === 403) {
    return Effect.fail(stopped(url, `it answers ${status}: set EFFECT_CACHE_TOKEN to a token of the application`))
  }
  if (status < 200 || status > 299) return Effect.succeed({ _tag: "Failed", key, reason: `${status}` })
  return Effect.succeed({ _tag: isHit(cacheStatus) ? "AlreadyThere" : "Loaded" })
}

const request = ({ template, token }: UrlWarmingOptions, key: string) => {
  const url = template.replaceAll("{key}", encodeURIComponent(key))
  const get = HttpClientRequest.get(url)
  return { url, get: token === undefined ? get : HttpClientRequest.bearerToken(get, Redacted.value(token)) }
}

const warmKey = (
  options: UrlWarmingOptions,
  key: string
): Effect.Effect<Outcome, CommandFailed, HttpClient.HttpClient> => {
  const { get, url } = request(options, key)
  const attempt = (pauses: number): Effect.Effect<Outcome, CommandFailed, HttpClient.HttpClient> =>
    HttpClient.execute(get).pipe(
      Effect.timeout(requestTimeout),
      Effect.mapError(({ message }) => stopped(url, message)),
      // the body is read, so that the connection is free for the next key
      Effect.tap((response) => Effect.ignore(response.arrayBuffer)),
      Effect.flatMap((response) => {
        const pause = pauses < mostPauses ? pauseOf(response) : undefined
        return pause === undefined
          ? outcomeOf(url, key, response)
          : Effect.zipRight(Effect.sleep(pause), attempt(pauses + 1))
      })
    )
  return attempt(0)
}

const after = (before: WarmProgress, outcomes: ReadonlyArray<Outcome>): WarmProgress => {
  const count = (tag: Outcome["_tag"]) => outcomes.filter(({ _tag }) => _tag === tag).length
  return {
    done: before.done + outcomes.length,
    loaded: before.loaded + count("Loaded"),
    alreadyThere: before.alreadyThere + count("AlreadyThere"),
    failed: before.failed + count("Failed"),
    cursor: before.cursor + outcomes.length,
    failures: outcomes.flatMap((outcome) =>
      outcome._tag === "Failed" ? [{ key: outcome.key, reason: outcome.reason }] : []
    )
  }
}

/** A key that fails is counted. An application that cannot be reached, or refuses the token, ends the warming. */
export const warm = (
  keys: Stream.Stream<string, CommandFailed>,
  options: UrlWarmingOptions
): Stream.Stream<WarmProgress, CommandFailed, HttpClient.HttpClient> =>
  keys.pipe(
    Stream.drop(options.from),
    Stream.grouped(options.concurrency * requestsPerStep),
    Stream.mapAccumEffect(nothingDone(options.from), (before, step) =>
      Effect.map(
        Effect.forEach(Chunk.toReadonlyArray(step), (key) => warmKey(options, key), {
          concurrency: options.concurrency
        }),
        (outcomes) => {
          const progress = after(before, outcomes)
          return [progress, progress] as const
        }
      )
    )
  )
