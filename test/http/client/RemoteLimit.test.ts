/** A client that learns the limits of an API, together with other processes. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { MemoryRedis, RedisError } from "effect-cache-toolkit"
import { RemoteLimit } from "effect-cache-toolkit/http"
import * as FailingRedis from "../../support/faults/FailingRedis.js"
import { until } from "../../support/until.js"

type Answer = readonly [status: number, fields?: Record<string, string>]

/** An API whose answers a test chooses, and processes with a limited client each. Redis fails where the test says so. */
const world = Effect.gen(function* () {
  const failure = yield* FailingRedis.failure
  const context = yield* Layer.build(FailingRedis.layer(failure, MemoryRedis.layer()))
  const answers: Array<Answer> = []
  let otherwise: Answer = [200]
  const sent: Array<string> = []
  /** an API whose answers have to wait while it is closed */
  const gate = yield* Effect.makeLatch(true)
  const api = HttpClient.make((request) =>
    Effect.suspend(() => {
      sent.push(request.url)
      const [status, headers] = answers.shift() ?? otherwise
      return gate.whenOpen(
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status, headers: headers ?? {} })))
      )
    })
  )
  const process = (options: RemoteLimit.Options, client = api) =>
    Effect.map(Effect.provide(RemoteLimit.make(options), context), (limited) => limited(client))
  return {
    answers,
    gate,
    sent,
    process,
    fail: Ref.set(failure, Option.some(new RedisError.RedisUnavailable({ reason: "Disconnected" }))),
    heal: Ref.set(failure, Option.none()),
    always: (answer: Answer) =>
      Effect.sync(() => {
        otherwise = answer
      })
  }
})

const url = "https://api.example.org/rates?of=eur"
const patient = { onExceeded: "delay", maxWait: "1 hour" } as const
const hasty = { onExceeded: "fail" } as const
const get = (client: HttpClient.HttpClient.With<unknown>) => Effect.map(client.get(url), ({ status }) => status)
const failing = <E>(client: HttpClient.HttpClient.With<E>) => Effect.flip(client.get(url))

describe("a client under the limits of an API", () => {
  it.scoped("holds all processes back once one of them got a 429, and then sends one call before the others", () =>
    Effect.gen(function* () {
      const { answers, process, sent } = yield* world
      const [one, other] = [yield* process(patient), yield* process(patient)]
      answers.push([429, { "retry-after": "30" }])
      const statuses = yield* Ref.make<ReadonlyArray<number>>([])
      const call = (client: typeof one) =>
        Effect.flatMap(get(client), (status) => Ref.update(statuses, (before) => [...before, status]))
      yield* Effect.forkScoped(call(one))
      yield* until("the 429 has come", () => Effect.succeed(sent.length === 1))
      yield* Effect.forkScoped(
        Effect.all([call(one), call(one), call(other), call(other)], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("29999 millis")
      expect(sent.length).toBe(1)
      yield* TestClock.adjust("2 seconds")
      yield* until("all are answered", () => Effect.map(Ref.get(statuses), ({ length }) => length === 5))
      expect([sent.length, yield* Ref.get(statuses)]).toEqual([6, [200, 200, 200, 200, 200]])
    })
  )

  it.scoped("sends one call after a hold, and the others when it is answered", () =>
    Effect.gen(function* () {
      const { answers, gate, process, sent } = yield* world
      const clients = [yield* process(patient), yield* process(patient)]
      answers.push([429, { "retry-after": "5" }])
      yield* failing(yield* process(hasty))
      yield* gate.close
      const calls = clients.flatMap((client) => [get(client), get(client), get(client)])
      const all = yield* Effect.forkScoped(Effect.all(calls, { concurrency: "unbounded" }))
      yield* TestClock.adjust("15 seconds")
      expect(sent.length).toBe(2)
      yield* gate.open
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(all)).toEqual([200, 200, 200, 200, 200, 200])
      expect(sent.length).toBe(7)
    })
  )

  it.scoped("waits twice as long after each 429 that names no time", () =>
    Effect.gen(function* () {
      const { always, process, sent } = yield* world
      const clients = [yield* process(patient), yield* process(patient)]
      yield* always([429])
      const calls = clients.flatMap((client) => [get(client), get(client), get(client)])
      yield* Effect.forkScoped(Effect.all(calls, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 millis")
      const first = sent.length
      expect(first).toBeLessThanOrEqual(6)
      // 1, 2, 4, 8, 16 and 32 seconds: each 429 doubles the time to the next call
      yield* TestClock.adjust("63 seconds")
      expect(sent.length - first).toBeLessThanOrEqual(6)
      expect(sent.length - first).toBeGreaterThanOrEqual(5)
    })
  )

  it.scoped("fails typed without a call while the API allows none", () =>
    Effect.gen(function* () {
      const { answers, process, sent } = yield* world
      const [one, other] = [yield* process(hasty), yield* process({ onExceeded: "delay", maxWait: "10 seconds" })]
      answers.push([429, { "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" }])
      for (const client of [one, one, other]) {
        const error = yield* failing(client)
        expect(error).toMatchObject({ _tag: "RemoteLimitExceeded", key: "https://api.example.org" })
        expect(error._tag === "RemoteLimitExceeded" && Duration.toMillis(error.retryAfter)).toBe(60_000)
      }
      expect(sent.length).toBe(1)
      yield* TestClock.adjust("1 minute")
      expect([yield* get(one), yield* get(other), sent.length]).toEqual([200, 200, 3])
    })
  )

  it.scoped("shares what is left of a policy among the processes, and waits for its end", () =>
    Effect.gen(function* () {
      const { answers, process, sent } = yield* world
      const [one, other] = [yield* process(hasty), yield* process(hasty)]
      answers.push([200, { "ratelimit-policy": '"a";q=10;w=60', ratelimit: '"a";r=3;t=20' }])
      yield* get(one)
      // an answer that is late, of a call before: more is not left again
      answers.push([200, { "ratelimit-policy": '"a";q=10;w=60', ratelimit: '"a";r=9;t=20' }])
      expect([yield* get(other), yield* get(one), yield* get(other)]).toEqual([200, 200, 200])
      expect(yield* failing(one)).toMatchObject({ _tag: "RemoteLimitExceeded", retryAfter: Duration.seconds(20) })
      yield* TestClock.adjust("20 seconds")
      // the next window has the whole quota
      const calls = Effect.exit(get(other))
      const exits = yield* Effect.replicateEffect(calls, 12)
      expect(exits.filter(({ _tag }) => _tag === "Success").length).toBe(10)
      expect(sent.length).toBe(14)
    })
  )

  it.scoped("gives the place of a call that is interrupted after a hold to the next one", () =>
    Effect.gen(function* () {
      const { answers, process } = yield* world
      const hanging = yield* process(hasty)
      answers.push([429, { "retry-after": "5" }])
      yield* failing(hanging)
      yield* TestClock.adjust("5 seconds")
      const stuck = yield* process(
        hasty,
        HttpClient.make(() => Effect.never)
      )
      expect(Option.isNone(yield* Effect.timeoutOption(Effect.exit(get(stuck)), 0))).toBe(true)
      expect(yield* get(hanging)).toBe(200)
    })
  )

  it.scoped("does not send a stream again, and passes a 503 while it holds the next calls back", () =>
    Effect.gen(function* () {
      const { answers, process, sent } = yield* world
      const client = yield* process(patient)
      answers.push([429, { "retry-after": "5" }])
      const body = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyStream(Stream.empty))
      expect(yield* Effect.flip(client.execute(body))).toMatchObject({ _tag: "RemoteLimitExceeded" })
      yield* TestClock.adjust("5 seconds")
      answers.push([503, { "retry-after": "7" }])
      expect(yield* get(client)).toBe(503)
      expect(yield* failing(yield* process(hasty))).toMatchObject({ retryAfter: Duration.seconds(7) })
      expect(sent.length).toBe(2)
    })
  )

  it.scoped("keeps the limits of other APIs and keys apart", () =>
    Effect.gen(function* () {
      const { answers, process } = yield* world
      const client = yield* process({ ...hasty, keyOf: ({ headers }) => headers["x-api-key"] ?? "none" })
      answers.push([429, { "retry-after": "5" }])
      const withKey = (key: string) => Effect.either(client.get(url, { headers: { "x-api-key": key } }))
      expect((yield* withKey("a"))._tag).toBe("Left")
      expect((yield* withKey("b"))._tag).toBe("Right")
      expect((yield* withKey("a"))._tag).toBe("Left")
      expect(yield* withKey("")).toMatchObject({ left: { _tag: "InvalidKey" } })
    })
  )

  it.scoped("goes by what its own process has seen while Redis is away", () =>
    Effect.gen(function* () {
      const { answers, fail, heal, process, sent } = yield* world
      const [one, other] = [yield* process(hasty), yield* process(hasty)]
      yield* fail
      answers.push([429, { "retry-after": "60" }])
      yield* failing(one)
      yield* TestClock.adjust("2 seconds")
      expect(yield* failing(one)).toMatchObject({ retryAfter: Duration.seconds(58) })
      expect([yield* get(other), sent.length]).toEqual([200, 2])
      // and what it has seen before the outage
      yield* heal
      answers.push([429, { "retry-after": "60" }])
      yield* failing(other)
      yield* TestClock.adjust("2 seconds")
      yield* fail
      expect(yield* failing(other)).toMatchObject({ retryAfter: Duration.seconds(58) })
    })
  )

  it.effect.each<readonly [string, RemoteLimit.Options]>([
    ["backoff", { ...hasty, backoff: 0 }],
    ["probeTimeout", { ...hasty, probeTimeout: -1 }],
    ["bounds.longestHold", { ...hasty, bounds: { longestHold: 0 } }],
    ["bounds.largestQuota", { ...hasty, bounds: { largestQuota: 0.5 } }],
    ["maxWait", { onExceeded: "delay", maxWait: -1 }]
  ])("is not built of an option %s that cannot be right", ([option, options]) =>
    Effect.gen(function* () {
      const cause = yield* Effect.flip(Effect.sandbox(RemoteLimit.make(options)))
      expect(String(Cause.squash(cause))).toContain(`RemoteLimit: option \`${option}\` is`)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
