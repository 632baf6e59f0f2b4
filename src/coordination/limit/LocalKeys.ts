/**
 * The few commands that the models of the limits use, on keys inside this process.
 *
 * A whole memory Redis would answer the same, at four times the size of the rate limiter in a program's bundle.
 *
 * @since 0.2.0
 */
import { TwoGenerationMap } from "../../internal/collection/TwoGenerationMap.js"
import type { RedisArgument, RedisReply } from "../../redis/RedisConnection.js"
import type { ScriptContext } from "../../redis/RedisScript.js"

interface LocalMember {
  readonly member: string
  readonly score: number
}

interface Key {
  text: string | undefined
  readonly isBlocked: boolean
  /** a sorted set, in its order */
  readonly entries: Array<LocalMember>
  readonly scores: Map<string, number>
  /** in milliseconds; a key whose time is over reads as missing */
  expiresAt: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface LocalKeys {
  /** Runs commands at a time, in whole milliseconds. Throws for a command or a form of it that no model uses. */
  readonly callAt: (nowMillis: number) => ScriptContext["call"]
  readonly forget: (key: string) => void
  /** Puts a block in the place of a key, until a time in milliseconds. */
  readonly block: (key: string, untilMillis: number) => void
}

const missing = (): Key => ({
  text: undefined,
  isBlocked: false,
  entries: [],
  scores: new Map(),
  expiresAt: Number.POSITIVE_INFINITY
})

/** Sorted sets order equal scores by their members. */
const isBefore = (one: LocalMember, other: LocalMember): boolean =>
  one.score < other.score || (one.score === other.score && one.member < other.member)

/** How many entries satisfy a predicate that holds for the first ones and no others. */
const countOfFirst = (entries: ReadonlyArray<LocalMember>, predicate: (entry: LocalMember) => boolean): number => {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const entry = entries[middle]
    if (entry !== undefined && predicate(entry)) low = middle + 1
    else high = middle
  }
  return low
}

const remove = ({ entries, scores }: Key, member: string): void => {
  const score = scores.get(member)
  if (score === undefined) return
  entries.splice(
    countOfFirst(entries, (other) => isBefore(other, { member, score })),
    1
  )
  scores.delete(member)
}

/**
 * Keeps at least the `capacity` keys that were used last, and at most twice as many.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (capacity: number): LocalKeys => {
  const keys = new TwoGenerationMap<Key>(capacity)

  const at = (name: string, now: number): Key => {
    const known = keys.get(name)
    return known !== undefined && known.expiresAt > now ? known : missing()
  }

  const addTo = (name: string, key: Key, amount: number): number => {
    const sum = Number(key.text ?? "0") + amount
    key.text = String(sum)
    keys.set(name, key)
    return sum
  }

  const call = (now: number, command: string, name: string, rest: ReadonlyArray<RedisArgument>): RedisReply => {
    const key = at(name, now)
    const { entries, scores } = key
    const [first, second, third] = rest
    // from the lowest score up, both ends included
    const countUpTo = (highest: number) => countOfFirst(entries, ({ score }) => score <= highest)
    if (key.isBlocked && command !== "HGET" && command !== "PTTL") throw new Error("WRONGTYPE: the key is blocked")
    switch (command) {
      case "HGET":
        return key.isBlocked ? "1" : null
      case "GET":
        return key.text ?? null
      case "SET":
        // the models use one form of it: `SET key text PX milliseconds`
        keys.set(name, { ...missing(), text: String(first), expiresAt: now + Number(third) })
        return "OK"
      case "DEL":
        keys.set(name, missing())
        return 1
      case "INCRBY":
        return addTo(name, key, Number(first))
      case "DECRBY":
        return addTo(name, key, -Number(first))
      case "PTTL":
        if (key.text === undefined && entries.length === 0 && !key.isBlocked) return -2
        return Number.isFinite(key.expiresAt) ? key.expiresAt - now : -1
      case "PEXPIRE":
        key.expiresAt = now + Number(first)
        return 1
      case "ZCARD":
        return entries.length
      case "ZCOUNT":
        return countUpTo(Number(second))
      case "ZRANGE": {
        const entry = entries.at(Number(first))
        return entry === undefined ? [] : [entry.member]
      }
      case "ZSCORE": {
        const score = scores.get(String(first))
        return score === undefined ? null : String(score)
      }
      case "ZADD": {
        const entry = { score: Number(first), member: String(second) }
        remove(key, entry.member)
        entries.splice(
          countOfFirst(entries, (other) => isBefore(other, entry)),
          0,
          entry
        )
        scores.set(entry.member, entry.score)
        keys.set(name, key)
        return 1
      }
      case "ZREM":
        remove(key, String(first))
        return 1
      case "ZREMRANGEBYSCORE": {
        const removed = entries.splice(0, countUpTo(Number(second)))
        for (const { member } of removed) scores.delete(member)
        return removed.length
      }
      default:
        throw new Error(`${command} is not among the commands that limits run inside the process`)
    }
  }

  return {
    forget: (name) => keys.set(name, missing()),
    block: (name, untilMillis) => keys.set(name, { ...missing(), isBlocked: true, expiresAt: untilMillis }),
    callAt:
      (now) =>
      (command, name, ...rest) =>
        command === "TIME"
          ? [String(Math.floor(now / 1_000)), String((now % 1_000) * 1_000)]
          : call(now, command, String(name), rest)
  }
}
