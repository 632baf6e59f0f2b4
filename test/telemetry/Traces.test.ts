import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Traces from "../../src/telemetry/Traces.js"
import * as CacheWorld from "../support/cache/CacheWorld.js"
import { onMemory } from "../support/server/clientLayers.js"
import { settle } from "../support/until.js"

interface Ended {
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly parent: string | undefined
  readonly exit: Exit.Exit<unknown, unknown>["_tag"]
}

/** A tracer that keeps the spans that have ended. */
const recorder = () => {
  const ended: Array<Ended> = []
  let count = 0
  const tracer = Tracer.make({
    context: (run) => run(),
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        spanId: String(++count),
        traceId: "trace",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links,
        sampled: Option.match(parent, { onNone: () => true, onSome: ({ sampled }) => sampled }),
        kind,
        event: () => {},
        addLinks: () => {},
        attribute: (key, value) => void attributes.set(key, value),
        end: (_time, exit) => {
          const above = Option.getOrUndefined(parent)
          ended.push({
            name,
            attributes: Object.fromEntries(attributes),
            parent: above?._tag === "Span" ? above.name : undefined,
            exit: exit._tag
          })
        }
      }
      return span
    }
  })
  return { tracer, ended, named: (wanted: string) => ended.filter(({ name }) => name === wanted) }
}

const unsampled = Tracer.externalSpan({ traceId: "trace", spanId: "unsampled", sampled: false })

/** One read of each kind. */
const reads = Effect.gen(function* () {
  const { cache } = CacheWorld.make({ a: 1, b: 2 }, { local: { capacity: 10, timeToLive: "1 minute" } })
  const { get, getMany, getOption, invalidate, set } = yield* cache()
  yield* CacheWorld.inLocalTier(yield* cache(), "a")
  return Effect.gen(function* () {
    yield* get("b")
    // stored after its caller's answer
    yield* settle
    yield* get("b")
    yield* getMany(["a", "b"])
    yield* getOption("none")
    yield* Effect.flip(get("missing"))
    yield* set("b", 3)
    yield* invalidate("b")
  })
})

describe("Traces", () => {
  it.scoped("have a span for each operation of a traced caller, with what it answered", () =>
    Effect.gen(function* () {
      const { ended, named, tracer } = recorder()
      const run = yield* reads
      yield* run.pipe(Effect.withSpan("caller"), Effect.withTracer(tracer), Effect.provide(Traces.layer()))
      const gets = named("cache.get")
      expect(gets.map(({ attributes }) => attributes["cache.source"])).toEqual([
        "lookup",
        "local",
        undefined,
        undefined,
        undefined
      ])
      expect(gets[2]?.attributes["cache.keys"]).toBe(2)
      expect(gets[3]?.attributes["cache.hit"]).toBe(false)
      expect(gets[4]).toMatchObject({ exit: "Failure", attributes: { "error.type": "NotFound" } })
      expect(named("cache.lookup").map(({ exit, parent }) => [exit, parent])).toEqual([
        ["Success", "cache.get"],
        ["Failure", "cache.get"]
      ])
      expect(named("cache.put").length).toBe(1)
      expect(named("cache.remove").length).toBe(1)
      for (const { name, parent } of ended) {
        if (name !== "cache.lookup" && name !== "caller") expect(parent).toBe("caller")
      }
    }).pipe(Effect.provide(onMemory))
  )

  it.scoped("have no span for a caller without a span, or whose span is not sampled", () =>
    Effect.gen(function* () {
      const { ended, tracer } = recorder()
      const run = yield* reads
      const traced = (program: Effect.Effect<unknown, unknown>) =>
        program.pipe(Effect.withTracer(tracer), Effect.provide(Traces.layer()))
      yield* traced(run)
      yield* traced(Effect.withParentSpan(run, unsampled))
      expect(ended).toEqual([])
    }).pipe(Effect.provide(onMemory))
  )

  it.scoped("have no span while no layer traces, also of a sampled caller", () =>
    Effect.gen(function* () {
      const { ended, tracer } = recorder()
      const run = yield* reads
      yield* Effect.scoped(Effect.provide(Effect.void, Traces.layer()))
      yield* run.pipe(Effect.withSpan("caller"), Effect.withTracer(tracer))
      expect(ended.map(({ name }) => name)).toEqual(["caller"])
    }).pipe(Effect.provide(onMemory))
  )
})
