/** Every key and channel of the toolkit, for names and ids that look like each other (docs/keys.md). */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as CacheKey from "../../src/cache/entry/CacheKey.js"
import * as Markers from "../../src/cache/invalidation/Markers.js"
import * as BoardKeys from "../../src/coordination/leaderboard/BoardKeys.js"
import * as LockScripts from "../../src/coordination/lock/LockScripts.js"
import * as ReleaseNotice from "../../src/coordination/lock/ReleaseNotice.js"
import { LockToken } from "../../src/coordination/lock/Token.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as KeyOwner from "../../src/redis/KeyOwner.js"
import { layerOff, RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../src/redis/RedisExecutor.js"
import * as RedisKey from "../../src/redis/RedisKey.js"
import { runs } from "../support/effort.js"
import { limitScripts } from "./limit/limitScripts.js"

const client = Effect.runSync(Effect.provide(RedisClient, layerOff))

/** A key, and everything that identifies it. */
interface Owned {
  readonly identity: string
  readonly key: string
  /** of an entry */
  readonly name?: string
  /** whether its caller named it as a whole */
  readonly whole?: boolean
}

const owned = (identity: ReadonlyArray<string>, key: string): Owned => ({ identity: JSON.stringify(identity), key })
const whole = (key: string): Owned => ({ ...owned(["whole", key], key), whole: true })

const part = fc.constantFrom(
  ...["a", "b", "a", "b", ":", ":", ":", "{", "}", "%", '"', ",", "[", "]", "%3A", "%7B", "1"],
  ...["lock", "lock:", "semaphore:", "ratelimit:", "{lock:", "{a}:", "}:", "counters"],
  ...[
    ":lease",
    ":clear",
    ":tags",
    ":tag",
    ":tag:",
    ":fence",
    ":waiting",
    ":ranked",
    ":arrivals",
    ":metadata",
    ":window",
    ":remote",
    ":bucket",
    ":counter",
    ":log"
  ]
)
const joined = (parts: fc.Arbitrary<string>) =>
  fc.array(parts, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""))
/** mostly of few characters, so that equal texts occur */
const text = fc.oneof(
  joined(fc.constantFrom("a", "a", ":")),
  fc.constantFrom("a", "a:a", "lock", "lock:a", "semaphore", "ratelimit", "ratelimit:a", "{a}", "a}:tag:a", "tag:a"),
  fc.constantFrom("counters", "counters:a", "leaderboard", "leaderboard:a", "presence", "presence:a"),
  joined(part)
)
const isRight = Either.isRight

const textIds = Schema.String
const jsonIds = Schema.Union(Schema.Array(Schema.String), Schema.Record({ key: Schema.String, value: Schema.String }))

const ofEntry = (name: string, entry: Either.Either<CacheKey.CacheKey, unknown>): ReadonlyArray<Owned> =>
  isRight(entry)
    ? [
        { ...owned(["entry", name, entry.right.text], entry.right.text), name },
        owned(["lease", name, entry.right.text], RedisKey.auxiliary(entry.right.text, "lease"))
      ]
    : []

const ofLimit = (name: string): ReadonlyArray<Owned> => {
  const key = KeyOwner.named(client, "ratelimit", name)
  if (!isRight(key)) return []
  return Object.entries(limitScripts).flatMap(([algorithm, { keyOf }]) => [
    owned(["limit", algorithm, name], keyOf(key.right)),
    owned(["limit of a name", algorithm, name], keyOf(key.right, "day"))
  ])
}

/** The keys of each kind, for the names and ids that it accepts. */
const kinds: Record<string, (name: string, id: string) => ReadonlyArray<Owned>> = {
  entry: (name, id) => {
    if (KeyOwner.nameProblem(name) !== undefined) return []
    const entry = CacheKey.make(name, textIds)(id)
    return ofEntry(name, entry).map((each) => ({ ...each, identity: `${each.identity} ${id}` }))
  },
  composite: (name, id) =>
    KeyOwner.nameProblem(name) !== undefined
      ? []
      : [[id], [id, "a"], { [id]: "a" }, { a: id }].flatMap((key) => ofEntry(name, CacheKey.make(name, jsonIds)(key))),
  marker: (name, tag) => {
    if (KeyOwner.nameProblem(name) !== undefined) return []
    const keys = Markers.markerKeys(name)
    return [
      owned(["clear", name], keys.clear),
      owned(["tags", name], keys.tagFloor),
      owned(["tag", name, tag], keys.tag(tag))
    ]
  },
  lock: (name) => {
    const key = KeyOwner.under("lock", name)
    if (!isRight(key)) return []
    const lock = { key: key.right, token: LockToken.make("mine"), timeToLiveMillis: 1 }
    return LockScripts.acquire.keys(lock).map((key, index) => owned(["lock", name, String(index)], key))
  },
  semaphore: (name) => {
    const key = KeyOwner.under("semaphore", name)
    return isRight(key) ? [owned(["semaphore", name], key.right)] : []
  },
  limit: (action, id) => {
    const name = RateLimiter.key(action, id)
    return isRight(name) ? ofLimit(name.right) : []
  },
  namedLimit: (name) => ofLimit(name),
  board: (name) => {
    const key = KeyOwner.named(client, "leaderboard", name)
    if (!isRight(key) || !BoardKeys.hasSlotmates(name)) return []
    const { arrivals, board, metadata, ranked } = BoardKeys.make(key.right)
    return [
      whole(board),
      owned(["ranked", name], ranked),
      owned(["arrivals", name], arrivals),
      owned(["metadata", name], metadata)
    ]
  },
  counter: (name) => {
    const key = KeyOwner.named(client, "counters", name)
    return isRight(key) ? [whole(key.right)] : []
  },
  presence: (name) => {
    const key = KeyOwner.named(client, "presence", name)
    return isRight(key) ? [whole(key.right)] : []
  }
}

const owner = fc.tuple(fc.constantFrom(...Object.values(kinds)), text, text).map(([kind, name, id]) => kind(name, id))

describe("a key of Redis", () => {
  it("belongs to one kind, name and id alone", () => {
    let compared = 0
    fc.assert(
      fc.property(fc.array(owner, { minLength: 30, maxLength: 60 }), (owners) => {
        const byKey = new Map<string, Owned>()
        for (const each of owners.flat()) {
          const before = byKey.get(each.key)
          byKey.set(each.key, each)
          if (before === undefined) continue
          compared++
          // one name for caches of two schemas is one cache
          // a name whose key is an entry of a live cache is rejected
          if (before.name !== undefined && before.name === each.name) continue
          if (before.whole === true && KeyOwner.nameOf(before.key) === each.name) continue
          if (each.whole === true && KeyOwner.nameOf(each.key) === before.name) continue
          expect(each.identity).toBe(before.identity)
        }
      }),
      { numRuns: runs(5_000) }
    )
    // the names are short enough to meet
    expect(compared).toBeGreaterThan(1_000)
  })

  it("is not shared by two ids of a cache", () => {
    const keyOf = CacheKey.make("a", textIds)
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [left, right] = [keyOf(one), keyOf(other)]
        fc.pre(isRight(left) && isRight(right) && one !== other)
        expect(left.right.text).not.toBe(right.right.text)
        expect(RedisKey.idOf("a", left.right.text)).toBe(one)
      }),
      { numRuns: runs(5_000) }
    )
  })

  it("begins with the name of its cache, which the key alone determines", () => {
    fc.assert(
      fc.property(text, text, (name, id) => {
        fc.pre(KeyOwner.nameProblem(name) === undefined)
        for (const key of [
          CacheKey.make(name, textIds)(id),
          CacheKey.make(name, jsonIds)([id]),
          CacheKey.make(name, jsonIds)({ [id]: id })
        ]) {
          if (isRight(key)) expect(KeyOwner.nameOf(key.right.text)).toBe(name)
        }
      }),
      { numRuns: runs(2_000) }
    )
  })
})

describe("a channel", () => {
  it("belongs to one cache, lock or semaphore of one database", () => {
    const channels = (name: string): ReadonlyArray<string> =>
      [undefined, 1, 2].flatMap((database) => channelsOf(name, { database }))
    const channelsOf = (name: string, client: { readonly database: number | undefined }): ReadonlyArray<string> => [
      ...(KeyOwner.nameProblem(name) === undefined
        ? [RedisExecutor.channelOf(client, `effect-cache-toolkit:${name}`).published]
        : []),
      ...Either.match(KeyOwner.under("lock", name), {
        onLeft: () => [],
        onRight: (key) => [ReleaseNotice.channel(client, key).published]
      }),
      ...Either.match(KeyOwner.under("semaphore", name), {
        onLeft: () => [],
        onRight: (key) => [ReleaseNotice.channel(client, key).published]
      })
    ]
    fc.assert(
      fc.property(text, text, (one, other) => {
        fc.pre(one !== other)
        const all = [...channels(one), ...channels(other)]
        expect(new Set(all).size).toBe(all.length)
      }),
      { numRuns: runs(2_000) }
    )
  })
})
