import * as Effect from "effect/Effect"
import { promising, verify } from "../../measure/Measure.js"
import { ioredis, nodeRedis } from "../../peers/Clients.js"
import { BenchServer, bunClient, toolkitClient } from "../../run/BenchServer.js"
import { bunGet, fillTexts, textKeys, texts, toolkitGet } from "../../subjects/Subjects.js"
import { comparedOverKeys, type Workload } from "../Workload.js"

const subjectsOf = (size: number) =>
  Effect.gen(function* () {
    const { url } = yield* BenchServer
    const bun = yield* bunClient(url)
    const io = yield* ioredis(url)
    const node = yield* nodeRedis(url)
    const subjects = [
      toolkitGet(yield* toolkitClient(url)),
      bunGet(bun),
      promising("ioredis", (index) => io.get(textKeys(index))),
      promising("node-redis", (index) => node.get(textKeys(index)))
    ]
    yield* fillTexts(bun, size)
    yield* verify("redis-get", subjects, [0, 1, 999], texts)
    return subjects
  })

export const redisGet: Workload = {
  name: "redis-get",
  description: "`get` of one text: the client layer alone.",
  run: (plan) => comparedOverKeys("redis-get", plan, subjectsOf)
}
