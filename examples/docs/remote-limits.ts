import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Console, Effect } from "effect"
import { MemoryRedis } from "effect-cache-toolkit"
import { RemoteLimit } from "effect-cache-toolkit/http"

// an API that allows two calls in a second, in the place of FetchHttpClient
let calls = 0
let startedAt = Date.now()
const api = HttpClient.make((request) =>
  Effect.sync(() => {
    if (Date.now() >= startedAt + 1_000) [calls, startedAt] = [0, Date.now()]
    calls += 1
    const headers = {
      "RateLimit-Policy": `"second";q=2;w=1`,
      RateLimit: `"second";r=${Math.max(2 - calls, 0)};t=1`
    }
    const status = calls > 2 ? 429 : 200
    return HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
  })
)

const program = Effect.gen(function* () {
  const patient = yield* RemoteLimit.make({ onExceeded: "delay", maxWait: "10 seconds" })
  const hasty = yield* RemoteLimit.make({ onExceeded: "fail" })
  const [one, other] = [patient(api), hasty(api)]

  const statuses = yield* Effect.replicateEffect(one.get("https://api.example.org/rates"), 5)
  yield* Console.log(statuses.map(({ status }) => status)) // [ 200, 200, 200, 200, 200 ], in more than two seconds

  // another client, of this process or another one, knows what is left: one more call
  const rest = other.get("https://api.example.org/rates").pipe(
    Effect.map(({ status }) => `${status}`),
    Effect.catchTag("RemoteLimitExceeded", ({ message }) => Effect.succeed(message))
  )
  const [last, none] = [yield* rest, yield* rest]
  yield* Console.log(`${last}, then ${none}`)
  if (statuses.some(({ status }) => status !== 200)) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
