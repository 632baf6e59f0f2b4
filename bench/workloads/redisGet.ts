import * as Effect from "effect/Effect"
import { ioredis, nodeRedis } from "../Clients.js"
import { bunClient, Environment, emptied, toolkitClient } from "../Environment.js"
import { promising, verify } from "../Measure.js"
import { bunGet, fillTexts, textKeys, texts, toolkitGet } from "../Subjects.js"
import { comparedOverKeys, sizeOf, type Workload } from "../Workload.js"

export const redisGet: Workload = {
  name: "redis-get",
  description: "`get` of one text: the client layer alone.",
  run: (settings) =>
    Effect.gen(function* () {
      const { url } = yield* Environment
      const bun = yield* bunClient(url)
      const io = yield* ioredis(url)
      const node = yield* nodeRedis(url)
      const subjects = [
        toolkitGet(yield* toolkitClient(url)),
        bunGet(bun),
        promising("ioredis", (index) => io.get(textKeys(index))),
        promising("node-redis", (index) => node.get(textKeys(index)))
      ]
      yield* fillTexts(bun, sizeOf(settings))
      yield* verify("redis-get", subjects, [0, 1, 999], texts)
      return { results: yield* comparedOverKeys("redis-get", subjects, settings), quantities: [] }
    }).pipe(emptied)
}
