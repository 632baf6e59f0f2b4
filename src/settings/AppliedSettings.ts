/**
 * The settings that this process applies to the caches and limits of a client, and the log of each change.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as CacheOverrides from "../cache/CacheOverrides.js"
import * as LiveCaches from "../cache/LiveCaches.js"
import * as LimitOverrides from "../coordination/limit/LimitOverrides.js"
import type { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import * as LimitValues from "./LimitValues.js"
import * as Setting from "./Setting.js"

/** Settings by the field of their option. */
export type Settings = ReadonlyMap<string, Setting.Setting>

/** Where settings come from, from the weakest: an operator overrules the program. */
const sources = ["Program", "Operator"] as const

/**
 * @since 0.2.0
 * @category models
 */
export type Source = (typeof sources)[number]

interface Applied {
  readonly bySource: Map<Source, Settings>
  now: Settings
  /** Changes are applied one after the other. */
  readonly one: Effect.Semaphore
}

const applied = new WeakMap<RedisExecutor.RedisExecutor, Applied>()

const none: Settings = new Map()

const of = (redis: RedisClient.Service): Applied => {
  const executor = RedisExecutor.of(redis)
  const present = applied.get(executor)
  if (present !== undefined) return present
  const made: Applied = { bySource: new Map(), now: none, one: Effect.unsafeMakeSemaphore(1) }
  applied.set(executor, made)
  return made
}

/**
 * The settings that this process applies.
 *
 * @since 0.2.0
 * @category getters
 */
export const current = (redis: RedisClient.Service): ReadonlyArray<Setting.Setting> =>
  Array.from(of(redis).now.values())

const overridesOf = (settings: Settings): ReadonlyMap<string, CacheOverrides.CacheOverrides> => {
  const byName = new Map<string, CacheOverrides.CacheOverrides>()
  for (const setting of settings.values()) {
    if (!("cache" in setting)) continue
    const overrides = byName.get(setting.cache) ?? { ...CacheOverrides.none }
    byName.set(setting.cache, overrides)
    if (setting.option === "timeToLive") overrides.timeToLiveMillis = setting.value
    else if (setting.option === "staleFor") overrides.staleForMillis = setting.value
    else if (setting.option === "outage.maxLookups") overrides.maxLookups = setting.value
    else overrides.isOff = !setting.value
  }
  return byName
}

const numbersOf = (settings: Settings): ReadonlyMap<string, LimitOverrides.LimitNumbers> => {
  const byName = new Map<string, Array<Setting.LimitSetting>>()
  for (const setting of settings.values()) {
    if (!("limit" in setting)) continue
    const others = byName.get(setting.limit)
    if (others === undefined) byName.set(setting.limit, [setting])
    else others.push(setting)
  }
  return new Map(Array.from(byName, ([name, ofName]) => [name, LimitValues.numbersOf(ofName)]))
}

/** Replaces the numbers of limits. A limit that does not accept its own stays as built, and is one line at level Warn. */
const applyToLimits = (redis: RedisClient.Service, settings: Settings): Effect.Effect<void> =>
  Effect.map(Effect.runtime(), (runtime) => {
    const fork = Runtime.runFork(runtime)
    LimitOverrides.of(redis).replace(numbersOf(settings), ({ built: { name }, problem }) => {
      fork(Effect.logWarning(`setting of the limit ${name} is not applied: ${problem}`))
    })
  })

/**
 * Switches a cache off or on. Both clear it: afterwards it serves nothing that was stored before it was off, and nothing that
 * a process without this setting stored meanwhile.
 */
const flip = ({ overrides, writer }: LiveCaches.LiveCache, isOff: boolean): Effect.Effect<unknown> => {
  if (!isOff) {
    // in this order: no read sees an entry from before
    return Effect.zipRight(
      writer.clear,
      Effect.sync(() => {
        overrides.isOff = false
      })
    )
  }
  overrides.isOff = true
  return writer.clear
}

const apply = (cache: LiveCaches.LiveCache, next: Readonly<CacheOverrides.CacheOverrides>): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const { lookups, overrides } = cache
    overrides.timeToLiveMillis = next.timeToLiveMillis
    overrides.staleForMillis = next.staleForMillis
    overrides.maxLookups = next.maxLookups
    lookups.raised()
    return overrides.isOff === next.isOff ? Effect.void : flip(cache, next.isOff)
  })

const textOf = (setting: Setting.Setting | undefined): string =>
  setting === undefined ? "as built" : Setting.valueText(setting)

const untilText = ({ until }: Setting.Setting): string =>
  until === undefined ? "" : `, until ${new Date(Math.min(until, 8.64e15)).toISOString()}`

const isSame = (a: Setting.Setting | undefined, b: Setting.Setting | undefined): boolean =>
  a?.value === b?.value && a?.at === b?.at && a?.by === b?.by && a?.until === b?.until

/** A setting that was made, changed or removed. */
interface Change {
  readonly field: string
  readonly setting: Setting.Setting
  readonly before: Setting.Setting | undefined
  readonly after: Setting.Setting | undefined
}

const changesOf = (before: Settings, after: Settings): ReadonlyArray<Change> =>
  Array.from(new Set([...before.keys(), ...after.keys()])).flatMap((field) => {
    const [old, now] = [before.get(field), after.get(field)]
    const setting = now ?? old
    return setting === undefined || isSame(old, now) ? [] : [{ field, setting, before: old, after: now }]
  })

const lineOf = ({ after, before, field, setting }: Change, removedBy: ReadonlyMap<string, string>): string => {
  const { kind, name } = Setting.targetOf(setting)
  const who =
    after === undefined
      ? (removedBy.get(field) ?? "the end of its time or its removal")
      : `${after.by}${untilText(after)}`
  return `setting of the ${kind} ${name}: ${setting.option} is ${textOf(after)}, before ${textOf(before)}, by ${who}`
}

/**
 * Replaces what a source sets, and applies the difference to the caches and limits of this process, those that are built later
 * included. Each change of a value is one line at level Info. It is not interrupted half way.
 *
 * @since 0.2.0
 * @category execution
 */
export const replace = (
  redis: RedisClient.Service,
  source: Source,
  settings: Settings,
  removedBy: ReadonlyMap<string, string> = new Map()
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const state = of(redis)
    return state.one.withPermits(1)(
      Effect.uninterruptible(
        Effect.gen(function* () {
          state.bySource.set(source, settings)
          const before = state.now
          const next = new Map(sources.flatMap((one) => Array.from(state.bySource.get(one) ?? none)))
          state.now = next
          const overrides = overridesOf(next)
          CacheOverrides.list(redis, overrides)
          const changes = changesOf(before, next)
          for (const change of changes) yield* Effect.logInfo(lineOf(change, removedBy))
          // the first round tells limits that they may be set
          if (before === none || changes.some(({ setting }) => "limit" in setting)) yield* applyToLimits(redis, next)
          yield* Effect.forEach(
            LiveCaches.of(redis),
            (cache) => apply(cache, overrides.get(cache.name) ?? CacheOverrides.none),
            { concurrency: "unbounded", discard: true }
          )
        })
      )
    )
  })

/**
 * The settings that have not ended at a time of the server, and the milliseconds until the next one does.
 *
 * @since 0.2.0
 * @category filtering
 */
export const unended = (
  settings: Iterable<Setting.Setting>,
  now: number
): { readonly settings: Settings; readonly endsInMillis: number } => {
  const left = new Map<string, Setting.Setting>()
  let endsInMillis = Number.POSITIVE_INFINITY
  for (const setting of settings) {
    const millis = (setting.until ?? Number.POSITIVE_INFINITY) - now
    if (millis <= 0) continue
    endsInMillis = Math.min(endsInMillis, millis)
    const field = Setting.fieldOf(setting)
    const other = left.get(field)
    // the newer one counts; of two of one time the later one of the list
    if (other === undefined || other.at <= setting.at) left.set(field, setting)
  }
  return { settings: left, endsInMillis }
}
