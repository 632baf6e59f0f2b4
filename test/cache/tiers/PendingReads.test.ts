/** Reads of one moment share commands, and each caller resumes once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import type { TierResult } from "../../../src/cache/tiers/TierRead.js"
import * as LatencyHistogram from "../../../src/internal/collection/LatencyHistogram.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import { type TierByText, tierOn } from "../../support/cache/redisTier.js"
import { valuesOf, world } from "../../support/cache/TierWorld.js"
import * as Executors from "../../support/faults/Executors.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle } from "../../support/until.js"

const numbers = EntryCodec.values(CacheCodec.make(Schema.Number))

const together = { concurrency: "unbounded" } as const

const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`)

describe("many keys of one moment", () => {
  it.scoped("are read by several commands of at most 512 keys, each with the clear marker", () =>
    Effect.gen(function* () {
      const { commands, latency, readMany, store } = yield* world(numbers)
      const keys = keysOf(1_300)
      yield* Effect.forEach(keys.slice(0, -1), (key, i) => store(key, `${i}`), { discard: true })
      const answers = yield* readMany(keys)
      expect(commands.map((command) => command.length)).toEqual([513, 513, 277])
      for (const [marker] of commands) expect(marker).toBe("{tier}:clear")
      expect(commands.flatMap(([, ...keys]) => keys)).toEqual(keys)
      expect(valuesOf(answers)).toEqual([...keys.slice(0, -1).map((_, i) => i), undefined])
      expect(answers.filter((answer) => answer._tag === "Found" && answer.trusted)).toHaveLength(1_299)
      expect(latency.summary().count).toBe(1_300)
    })
  )

  it.scoped("that are each read twice are sent once, and both callers get the result", () =>
    Effect.gen(function* () {
      const { commands, readMany, store } = yield* world(numbers)
      const keys = keysOf(700)
      yield* Effect.forEach(keys, (key, i) => store(key, `${i}`), { discard: true })
      const [one, other] = yield* Effect.all([readMany(keys), readMany(keys.toReversed())], together)
      expect(valuesOf(one)).toEqual(keys.map((_, i) => i))
      expect(valuesOf(other)).toEqual(keys.map((_, i) => 699 - i))
      // each key has its place in the command of its first read
      expect(commands.map((command) => command.length)).toEqual([513, 189])
    })
  )

  it.scoped("fail only with their own command", () =>
    Effect.gen(function* () {
      const server = yield* OutageRedis.make
      const connection = yield* server.connect
      yield* server.direct.set("{tier}:clear", "10")
      yield* server.direct.set("k600", '{"created":20,"ttl":5,"value":600}')
      const error = new RedisTimeout({ command: "MGET", waitedMillis: 1_000 })
      let sent = 0
      const redis = Executors.replacing(connection.redis, ({ unsafeMget }) => ({
        unsafeMget: (keys, onReply) => {
          const isFirst = ++sent === 1
          unsafeMget(keys, (reply) => onReply(isFirst ? Exit.fail(error) : reply))
        }
      }))
      const latency = LatencyHistogram.make()
      const { readMany } = yield* tierOn(redis, numbers, { isTagged: false, latency })
      yield* settle
      const answers = yield* readMany(keysOf(601))
      expect(answers.map((answer) => answer._tag)).toEqual([...Array(512).fill("Failed"), ...Array(89).fill("Found")])
      expect(answers[0]).toMatchObject({ cause: { error: { error } } })
      expect(valuesOf(answers.slice(-1))).toEqual([600])
      // from the request to the result
      expect(latency.summary().count).toBe(601)
    })
  )

  it.scoped("are trusted by the markers of all their tags, in as many commands as needed", () =>
    Effect.gen(function* () {
      const { commands, readMany, server, store } = yield* world(numbers)
      const keys = keysOf(100)
      const tagsOf = (i: number) => Array.from({ length: 12 }, (_, j) => `t${i * 12 + j}`)
      for (const [i, key] of keys.entries()) {
        yield* store(key, `${i}`, `"tags":${JSON.stringify(tagsOf(i))},`)
        for (const tag of tagsOf(i)) yield* server.direct.set(`{tier}:tag:${tag}`, "15")
      }
      // these invalidate k0, k50 and k99: the first tag, a middle one and the last
      for (const tag of ["t0", "t605", "t1199"]) yield* server.direct.set(`{tier}:tag:${tag}`, "20")
      const distrusted = (answers: ReadonlyArray<TierResult<number>>) =>
        keys.filter((_, i) => {
          const answer = answers[i]
          return answer?._tag !== "Found" || !answer.trusted
        })
      expect(distrusted(yield* readMany(keys))).toEqual(["k0", "k50", "k99"])
      expect(commands.map((command) => command.length)).toEqual([101, 512, 512, 176])
      // the tags are known now: the first markers are read with the keys, and none is read twice
      commands.length = 0
      expect(distrusted(yield* readMany(keys))).toEqual(["k0", "k50", "k99"])
      expect(new Set(commands.flat()).size).toBe(commands.flat().length)
      expect(commands.flat()).toHaveLength(101 + 1_200)
      for (const command of commands) expect(command.length).toBeLessThanOrEqual(1 + 100 + 512 + 12)
      expect(commands).toHaveLength(3)
    })
  )

  it.scoped("start another command once theirs is sent, before its reply", () =>
    Effect.gen(function* () {
      const { commands, connection, read, store } = yield* world(numbers)
      yield* store("a", "1")
      const release = connection.holdReplies("MGET")
      const first = yield* Effect.fork(read("a"))
      yield* settle
      yield* store("a", "2")
      const second = yield* Effect.fork(Effect.all([read("a"), read("b")], together))
      yield* settle
      expect(commands).toEqual([
        ["{tier}:clear", "a"],
        ["{tier}:clear", "a", "b"]
      ])
      yield* release
      expect((yield* Fiber.join(first)).entry?.value).toBe(1)
      expect((yield* Fiber.join(second)).map(({ entry }) => entry?.value)).toEqual([2, undefined])
    })
  )

  it.scoped("resume callers that read again, write and close the scope before the other callers resume", () =>
    Effect.gen(function* () {
      const { commands, read, scope, server, store } = yield* world(numbers)
      yield* Effect.forEach(keysOf(6), (key, i) => store(key, `${i}`), { discard: true })
      const told: Array<string> = []
      const caller = (key: string, next: Effect.Effect<unknown>) =>
        Effect.gen(function* () {
          told.push(`${key}: ${(yield* read(key)).entry?.value}`)
          yield* next
        })
      const readAgain = Effect.flatMap(Effect.exit(read("k0")), (exit) =>
        Effect.sync(() => told.push(Exit.isSuccess(exit) ? `again: ${exit.value.entry?.value}` : "closed"))
      )
      yield* Effect.all(
        [
          caller("k0", Effect.orDie(readAgain)),
          caller("k1", Effect.orDie(server.direct.set("k5", "gone"))),
          caller("k2", Effect.void),
          // then the second read of the first caller is sent
          caller("k3", Scope.close(scope, Exit.void)),
          caller("k4", Effect.void),
          caller("k5", Effect.void)
        ],
        together
      )
      expect(told.toSorted()).toEqual(["closed", "k0: 0", "k1: 1", "k2: 2", "k3: 3", "k4: 4", "k5: 5"])
      expect(commands[0]).toHaveLength(7)
    })
  )

  /** Reads each key, and answers how many callers resumed in each turn of the event loop. */
  const resumedByTurn = ({ readTo }: Pick<TierByText<number>, "readTo">, keys: ReadonlyArray<string>) => {
    const turns: Array<Array<string>> = []
    let hasEnded = true
    const answered = (answer: TierResult<number>, number: number) => {
      if (hasEnded) {
        turns.push([])
        hasEnded = false
        setImmediate(() => {
          hasEnded = true
        })
      }
      turns.at(-1)?.push(`${keys[number]}: ${answer._tag === "Found" ? answer.trusted : answer._tag}`)
    }
    for (const [number, key] of keys.entries()) readTo(key, { onResult: answered }, number)
    return turns
  }

  it.scoped("resume their callers in four parts of at least eight while no other command is open", () =>
    Effect.gen(function* () {
      const { store, ...tier } = yield* world(numbers)
      const keys = keysOf(100)
      yield* Effect.forEach(keys, (key, i) => store(key, `${i}`), { discard: true })
      for (const [count, sizes] of [
        [100, [25, 25, 25, 25]],
        [18, [8, 8, 2]],
        [8, [8]]
      ] as const) {
        const turns = resumedByTurn(tier, keys.slice(0, count))
        yield* settle
        expect(turns.map((told) => told.length)).toEqual(sizes)
        expect(turns.flat()).toEqual(keys.slice(0, count).map((key) => `${key}: true`))
      }
    })
  )

  it.scoped("resume all callers from the first miss on, so that lookups share a batch", () =>
    Effect.gen(function* () {
      const { server, store, ...tier } = yield* world(numbers)
      const keys = keysOf(100)
      yield* Effect.forEach(keys, (key, i) => store(key, `${i}`), { discard: true })
      const sizes = Effect.suspend(() => {
        const turns = resumedByTurn(tier, keys)
        return Effect.as(settle, turns)
      }).pipe(Effect.map((turns) => turns.map((told) => told.length)))
      // nothing is there
      yield* server.direct.del("k30")
      expect(yield* sizes).toEqual([25, 75])
      // it was cleared
      yield* server.direct.set("k10", '{"created":10,"ttl":5,"value":1}')
      expect(yield* sizes).toEqual([100])
      // they have expired
      yield* store("k10", "10")
      yield* store("k30", "30")
      expect(yield* sizes).toEqual([25, 25, 25, 25])
      yield* TestClock.adjust("1 minute")
      expect(yield* sizes).toEqual([100])
    })
  )

  it.scoped("resume all callers at once while another command is open, or if one caller reads them all", () =>
    Effect.gen(function* () {
      const { connection, store, ...tier } = yield* world(numbers)
      const keys = keysOf(100)
      yield* Effect.forEach(keys, (key, i) => store(key, `${i}`), { discard: true })
      const reached = yield* Effect.forEach(["first", "second"], () =>
        Effect.sync(() => connection.holdReplies("MGET"))
      )
      const first = resumedByTurn(tier, keys)
      yield* settle
      const second = resumedByTurn(tier, ["k0"])
      yield* settle
      yield* Effect.all(reached)
      yield* settle
      expect(first.map((told) => told.length)).toEqual([100])
      expect(second).toEqual([["k0: true"]])

      let turns = 0
      const turn = () => {
        turns++
        clock = setImmediate(turn)
      }
      let clock = setImmediate(turn)
      const seen: Array<number> = []
      const answered = () => void seen.push(turns)
      const listener = { onResult: answered }
      for (const [number, key] of keys.entries()) tier.readTo(key, listener, number)
      yield* settle
      clearImmediate(clock)
      expect(seen).toHaveLength(100)
      expect(new Set(seen).size).toBe(1)
    })
  )

  it.scoped("are judged by the invalidations that are known when each caller resumes", () =>
    Effect.gen(function* () {
      const { connection, store, ...tier } = yield* world(numbers)
      const keys = keysOf(40)
      yield* Effect.forEach(keys, (key, i) => store(key, `${i}`), { discard: true })
      const turns: Array<string> = []
      const answered = (answer: TierResult<number>, number: number) => {
        turns.push(answer._tag)
        // the connection ends while the first part resumes
        if (number === 9) Effect.runSync(connection.cut)
      }
      // the last one reads the key of the first
      for (const [number, key] of [...keys.slice(0, 39), "k0"].entries())
        tier.readTo(key, { onResult: answered }, number)
      yield* settle
      expect(turns).toEqual([...Array(10).fill("Found"), ...Array(30).fill("Failed")])
    })
  )

  it.scoped("resume each caller once, also when the scope closes with commands open", () =>
    Effect.gen(function* () {
      const { readTo, connection, scope, store } = yield* world(numbers)
      yield* store("k0", "1")
      const resumed = new Map<string, number>()
      const readOne = (key: string) => readTo(key, { onResult: () => resumed.set(key, (resumed.get(key) ?? 0) + 1) }, 0)
      const release = connection.holdReplies("MGET")
      for (const key of keysOf(600)) readOne(key)
      yield* settle
      // some that are not sent yet
      for (const key of ["late", "later"]) readOne(key)
      yield* Scope.close(scope, Exit.void)
      expect(resumed.size).toBe(602)
      yield* release
      yield* settle
      expect(new Set(resumed.values())).toEqual(new Set([1]))
    })
  )
})
