/**
 * Spans of caches, commands, lookups, limits and locks, in Effect's tracer. `OpenTelemetry` contains this module. Use it
 * alone with a tracer of your own.
 *
 * Only callers whose own span is sampled are traced: a program that traces nothing pays nothing, and one that samples pays
 * for its samples.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import * as CurrentFiber from "../internal/effect/CurrentFiber.js"
import * as Observed from "../internal/Observed.js"
import * as Tracing from "../internal/Tracing.js"
import { serverOf } from "./meters/ConnectionMeter.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * whether spans hold the keys of caches, locks and limits: default false, since keys may hold what identifies persons
   */
  readonly keys?: boolean | undefined
}

const clock = Clock.make()

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) span.attribute(name, value)
}

const startSpan = (
  tracer: Tracer.Tracer,
  name: string,
  parent: Tracer.AnySpan | undefined,
  kind: Tracer.SpanKind,
  links: ReadonlyArray<Tracer.SpanLink> = []
): Tracer.Span =>
  tracer.span(name, Option.fromNullable(parent), Context.empty(), links, clock.unsafeCurrentTimeNanos(), kind)

const endSpan = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void =>
  span.end(clock.unsafeCurrentTimeNanos(), exit)

/** A span takes no more links by OpenTelemetry's default. */
const maxLinks = 128

const linkTo = (span: Tracer.AnySpan): Tracer.SpanLink => ({ _tag: "SpanLink", span, attributes: {} })

/** The spans of the callers that wait for a lookup, also of those that join while it runs. */
class WaitingSpans {
  /** the callers that are traced */
  count = 0
  private readonly spans: Array<Tracer.AnySpan> = []
  private lookup: Tracer.Span | undefined

  constructor(
    /** that of the caller that came first */
    private readonly tracer: Tracer.Tracer
  ) {}

  add(span: Tracer.AnySpan): void {
    this.count++
    if (this.spans.length >= maxLinks) return
    this.spans.push(span)
    this.lookup?.addLinks([linkTo(span)])
  }

  /** Starts the span of the lookup, below the caller that came first. */
  start(): Tracer.Span {
    this.lookup = startSpan(this.tracer, "cache.lookup", this.spans[0], "internal", this.spans.map(linkTo))
    return this.lookup
  }
}

/** The class of an error and, for an error reply, its first word. */
const errorOf = (exit: Exit.Exit<unknown, unknown>): Readonly<Record<string, unknown>> => {
  if (Exit.isSuccess(exit)) return {}
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "_OTHER"
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : undefined
  return { "error.type": tag, "db.response.status_code": code }
}

/** The attribute that says what an operation is of, and the one of its key. */
const attributesOf: Readonly<Record<string, readonly [of: string, key: string]>> = {
  cache: ["cache.name", "cache.key"],
  ratelimit: ["ratelimit.algorithm", "ratelimit.key"],
  lock: ["lock.kind", "lock.key"]
}

/** What the result of an operation says: a `CacheResult`, an option of one, or the decision of a limit. */
const resultOf = (value: unknown): Readonly<Record<string, unknown>> => {
  if (Option.isOption(value)) return Option.isNone(value) ? { "cache.hit": false } : resultOf(value.value)
  if (!Predicate.isRecord(value)) return {}
  if (Predicate.hasProperty(value, "source") && Predicate.hasProperty(value, "timeLeft")) {
    return {
      "cache.hit": value.source !== "Lookup" && value.source !== "Degraded",
      "cache.source": String(value.source).toLowerCase(),
      "cache.reason": Predicate.hasProperty(value, "reason") ? value.reason : undefined
    }
  }
  if (Predicate.hasProperty(value, "allowed") && Predicate.hasProperty(value, "decision")) {
    const by = Predicate.hasProperty(value.decision, "_tag") ? String(value.decision._tag).toLowerCase() : undefined
    return { "ratelimit.allowed": value.allowed, "ratelimit.by": by }
  }
  return {}
}

const isSampled = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean => fiber.currentSpan?.sampled === true

const listenerOf = ({ keys = false }: Options): Tracing.TraceListener => ({
  isTraced: () => {
    const fiber = CurrentFiber.get()
    return fiber !== undefined && isSampled(fiber)
  },
  operation: ({ count, key, name, of }, effect) =>
    Effect.withFiberRuntime((caller) => {
      if (!isSampled(caller)) return effect
      const [ofName = "", keyName = ""] = attributesOf[name.slice(0, name.indexOf("."))] ?? []
      return Effect.useSpan(name, { captureStackTrace: false }, (span) => {
        annotate(span, { [ofName]: of, [keyName]: keys ? key?.() : undefined, "cache.keys": count })
        return Effect.onExit(Effect.withParentSpan(effect, span), (exit) =>
          Effect.sync(() => annotate(span, Exit.isSuccess(exit) ? resultOf(exit.value) : errorOf(exit)))
        )
      })
    }),
  command: (command, address, script) => {
    const caller = CurrentFiber.get()
    if (caller === undefined || !isSampled(caller)) return undefined
    const span = startSpan(caller.currentTracer, command, caller.currentSpan, "client")
    annotate(span, {
      "db.system.name": "redis",
      "db.operation.name": command,
      "db.stored_procedure.name": script,
      ...serverOf(address)
    })
    return (exit) => {
      annotate(span, errorOf(exit))
      endSpan(span, exit)
    }
  },
  waits: (caller, load) => {
    if (caller.currentSpan === undefined || !isSampled(caller)) return
    const waiting =
      load.waitingSpans instanceof WaitingSpans ? load.waitingSpans : new WaitingSpans(caller.currentTracer)
    load.waitingSpans = waiting
    waiting.add(caller.currentSpan)
  },
  lookup: (cache, key, { waitingSpans: waiting }, lookup) =>
    waiting instanceof WaitingSpans
      ? Effect.suspend(() => {
          const span = waiting.start()
          annotate(span, { "cache.name": cache, "cache.key": keys ? key : undefined })
          return Effect.onExit(Effect.withParentSpan(lookup, span), (exit) =>
            Effect.sync(() => {
              annotate(span, { ...errorOf(exit), "cache.callers": waiting.count })
              endSpan(span, exit)
            })
          )
        })
      : lookup
})

/**
 * Traces the caches, clients, limits and locks of the whole process, wherever the layer is provided. Spans go to the tracer
 * of the caller.
 *
 * - `cache.get`, `cache.put`, `cache.remove`, `cache.flush`, `cache.refresh`: an operation of a cache
 * - `cache.lookup`: one lookup, a child of the caller that started it, linked to every caller that waits for it
 * - the name of a command, such as `GET`: one attempt, by OpenTelemetry's conventions for Redis
 * - `ratelimit.consume`, `lock.acquire`: a decision, an acquisition with its wait
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { Traces } from "effect-cache-toolkit/telemetry"
 * import * as Layer from "effect/Layer"
 *
 * const traced = Layer.mergeAll(Traces.layer({ keys: true }))
 */
export const layer = (options: Options = {}): Layer.Layer<never> =>
  Layer.scopedDiscard(Observed.install(Tracing.tracing, listenerOf(options)))
