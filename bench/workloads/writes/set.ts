import * as Effect from "effect/Effect"
import { keySet, sequence } from "../../measure/Keys.js"
import { effectful, promising, type Subject, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import { ioredis, nodeRedis } from "../../peers/Clients.js"
import { BenchServer, bunClient, emptied, toolkitClient } from "../../run/BenchServer.js"
import { profileOf } from "../../subjects/Profile.js"
import { ids, texts } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import * as ServerTime from "../ServerTime.js"
import { comparedOverConcurrencies, type Workload } from "../Workload.js"

const keys = keySet(1_000, "uniform")

const lifetimeSeconds = 3_600

/** A write's answer is what can be read after it. */
const reading = (subject: Subject, read: (index: number) => Promise<unknown>): Subject => ({
  ...subject,
  answer: async (index) => {
    await subject.answer(index)
    return read(index)
  }
})

const ofTexts = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const toolkit = yield* toolkitClient(url)
  const bun = yield* bunClient(url)
  const io = yield* ioredis(url)
  const node = yield* nodeRedis(url)
  const keyOf = (of: string) => (index: number) => `bench:${of}:${ids(index)}`
  const [toolkitKey, bunKey, ioKey, nodeKey] = [keyOf("toolkit"), keyOf("bun"), keyOf("ioredis"), keyOf("node-redis")]
  return [
    reading(
      effectful("toolkit", (index) => toolkit.set(toolkitKey(index), texts(index), { timeToLive: "1 hour" })),
      (index) => bun.get(toolkitKey(index))
    ),
    reading(
      promising("Bun client", (index) => bun.set(bunKey(index), texts(index), "EX", lifetimeSeconds)),
      (index) => bun.get(bunKey(index))
    ),
    reading(
      promising("ioredis", (index) => io.set(ioKey(index), texts(index), "EX", lifetimeSeconds)),
      (index) => bun.get(ioKey(index))
    ),
    reading(
      promising("node-redis", (index) =>
        node.set(nodeKey(index), texts(index), { expiration: { type: "EX", value: lifetimeSeconds } })
      ),
      (index) => bun.get(nodeKey(index))
    )
  ]
})

/** A typed value written by each cache. */
export const typedSets = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const profiles = yield* Toolkit.profiles(url, { name: "profile" })
  const bun = yield* bunClient(url)
  const bento = yield* Bento.onRedis(url)
  const cacheable = yield* Cacheables.onRedis(url)
  const keyv = yield* Cacheables.keyv(url)
  const bunKey = (index: number) => `bench:typed:${ids(index)}`
  return [
    reading(
      effectful("toolkit", (index) => profiles.set(ids(index), profileOf(index))),
      (index) => Effect.runPromise(profiles.get(ids(index)))
    ),
    reading(
      promising("Bun client + JSON.stringify", (index) =>
        bun.set(bunKey(index), JSON.stringify(profileOf(index)), "EX", lifetimeSeconds)
      ),
      async (index) => JSON.parse((await bun.get(bunKey(index))) ?? "null")
    ),
    reading(
      promising("bentocache", (index) => bento.set({ key: ids(index), value: profileOf(index) })),
      (index) => bento.get({ key: ids(index) })
    ),
    reading(
      promising("cacheable", (index) => cacheable.set(ids(index), profileOf(index))),
      (index) => cacheable.get(ids(index))
    ),
    reading(
      promising("keyv", (index) => keyv.set(ids(index), profileOf(index))),
      (index) => keyv.get(ids(index))
    )
  ]
})

export const set: Workload = {
  name: "set",
  description:
    "One text written by a client, and one typed value written by a cache. The toolkit's cache also takes the lease away from loads under way and tells the other processes.",
  run: (plan) =>
    Effect.gen(function* () {
      const clients = yield* ofTexts
      yield* verify("set (text)", clients, [0, 1, 999], texts)
      const caches = yield* typedSets
      yield* verify("set (typed)", caches, [0, 1, 999], profileOf)
      const all = [["set (text)", clients] as const, ["set (typed)", caches] as const]
      const results = yield* Effect.forEach(all, ([name, subjects]) =>
        comparedOverConcurrencies(name, plan, subjects, () => sequence(keys))
      )
      const quantities = yield* Effect.forEach(all, ([name, subjects]) =>
        ServerTime.perOperation(name, subjects, () => sequence(keys))
      )
      return { results: results.flat(), quantities: quantities.flat() }
    }).pipe(emptied)
}
