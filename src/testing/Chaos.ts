/**
 * Lets a share of the commands, messages and lookups of an application fail, be late or vanish. For tests, and for a try-out of an
 * application under faults. It works above any `RedisClient`: in memory, a server, or a cluster.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as Utils from "effect/Utils"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import { RedisClient, type SubscriptionEvent } from "../redis/RedisClient.js"
import * as RedisCommands from "../redis/RedisCommands.js"
import { type RedisError, RedisTimeout, RedisUnavailable } from "../redis/RedisError.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"

/**
 * The share of calls that are late, and by how much.
 *
 * @since 0.2.0
 * @category models
 */
export interface Slowness {
  /** from 0 to 1 */
  readonly share: number
  readonly by: Duration.DurationInput
}

/**
 * What happens to commands. Shares are from 0 to 1; a command meets one fault at most.
 *
 * @since 0.2.0
 * @category models
 */
export interface CommandFaults {
  /** the share that fails at once with `RedisUnavailable`, and is not sent: default 0 */
  readonly fail?: number | undefined
  /**
   * The share that is sent, and fails with `RedisTimeout` when the command timeout of the client is over. Whether these commands
   * ran is unknown. Default 0
   */
  readonly vanish?: number | undefined
  /** the commands that run in their order, and are answered late: default none */
  readonly slow?: Slowness | undefined
}

/**
 * What happens to lookups, and to any other effect that goes through `inject`.
 *
 * @since 0.2.0
 * @category models
 */
export interface LookupFaults {
  /** the share that fails with the error that `inject` is given, and does not run: default 0 */
  readonly fail?: number | undefined
  /** the lookups that begin late: default none */
  readonly slow?: Slowness | undefined
}

/**
 * What happens to the messages of subscriptions. A message that vanishes leaves no gap: no cache hears of it.
 *
 * @since 0.2.0
 * @category models
 */
export interface MessageFaults {
  /** the share that no subscriber receives: default 0 */
  readonly vanish?: number | undefined
  /** the messages that arrive late: default none */
  readonly slow?: Slowness | undefined
}

/**
 * The faults of everything that a cache depends on.
 *
 * @since 0.2.0
 * @category models
 */
export interface Faults {
  /** what happens to commands: default nothing */
  readonly commands?: CommandFaults | undefined
  /** what happens to lookups: default nothing */
  readonly lookups?: LookupFaults | undefined
  /** what happens to messages: default nothing */
  readonly messages?: MessageFaults | undefined
}

/**
 * How many calls have met a fault.
 *
 * @since 0.2.0
 * @category models
 */
export interface FaultCounts {
  readonly commands: { readonly failed: number; readonly vanished: number; readonly slow: number }
  readonly lookups: { readonly failed: number; readonly slow: number }
  readonly messages: { readonly vanished: number; readonly slow: number }
}

/**
 * The controls of the faults.
 *
 * @since 0.2.0
 * @category services
 */
export class Chaos extends Context.Tag("effect-cache-toolkit/Chaos")<Chaos, Chaos.Service>() {}

/**
 * @since 0.2.0
 */
export declare namespace Chaos {
  /**
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Sets the faults from now on, in place of those before. A share or time that cannot be right is a defect. */
    readonly set: (faults: Faults) => Effect.Effect<void>
    /** Ends all faults. What is late already stays late. */
    readonly calm: Effect.Effect<void>
    readonly counts: Effect.Effect<FaultCounts>
    /** Lets an effect meet the faults of lookups. `error` makes what it fails with. */
    readonly inject: <A, E, R>(effect: Effect.Effect<A, E, R>, error: () => E) => Effect.Effect<A, E, R>
  }
}

const defaultTimeoutMillis = 1_000

const checked = (faults: Faults): Faults => {
  const { duration, fraction } = OptionCheck.make("Chaos")
  for (const of of ["commands", "lookups", "messages"] as const) {
    const { fail, slow, vanish }: CommandFaults = faults[of] ?? {}
    fraction(`${of}.fail`, fail)
    fraction(`${of}.vanish`, vanish)
    fraction(`${of}.slow.share`, slow?.share)
    duration(`${of}.slow.by`, slow?.by)
  }
  return faults
}

type Fault = "fail" | "vanish" | "slow"

/** The faults of one client, and how often they have happened. */
class Dice {
  faults: Faults = {}
  readonly counts = {
    commands: { fail: 0, vanish: 0, slow: 0 },
    lookups: { fail: 0, vanish: 0, slow: 0 },
    messages: { fail: 0, vanish: 0, slow: 0 }
  }
  private readonly random: Utils.PCGRandom

  constructor(seed: number | undefined) {
    this.random = seed === undefined ? new Utils.PCGRandom() : new Utils.PCGRandom(seed)
  }

  /** The fault that a call meets. One number decides, so that the shares add up. */
  roll(of: keyof Faults): Fault | undefined {
    const { fail = 0, slow, vanish = 0 }: CommandFaults = this.faults[of] ?? {}
    const share = slow?.share ?? 0
    if (fail + vanish + share === 0) return undefined
    const number = this.random.number()
    const fault =
      number < fail ? "fail" : number < fail + vanish ? "vanish" : number < fail + vanish + share ? "slow" : undefined
    if (fault !== undefined) this.counts[of][fault]++
    return fault
  }

  delay(of: keyof Faults): Duration.DurationInput {
    return this.faults[of]?.slow?.by ?? 0
  }

  get summary(): FaultCounts {
    const { commands, lookups, messages } = this.counts
    return {
      commands: { failed: commands.fail, vanished: commands.vanish, slow: commands.slow },
      lookups: { failed: lookups.fail, slow: lookups.slow },
      messages: { vanished: messages.vanish, slow: messages.slow }
    }
  }
}

const unavailable = new RedisUnavailable({ reason: "Disconnected" })

/** Wraps an executor. Commands are sent in the order of their calls: what is late is the reply. */
const wrap = (executor: RedisExecutor.RedisExecutor, dice: Dice, runtime: Runtime.Runtime<never>) => {
  const waitedMillis = executor.commandTimeoutMillis ?? defaultTimeoutMillis
  const fork = Runtime.runFork(runtime)
  /** Runs `next` after a time, by the clock of the runtime. */
  const later = (millis: Duration.DurationInput, next: () => void) =>
    void fork(Effect.zipRight(Effect.sleep(millis), Effect.sync(next)))
  const timeout = (command: string) => new RedisTimeout({ command, waitedMillis })

  const pass = <A>(command: string, call: Effect.Effect<A, RedisError>): Effect.Effect<A, RedisError> =>
    Effect.suspend(() => {
      switch (dice.roll("commands")) {
        case "fail":
          return Effect.fail(unavailable)
        case "vanish":
          return Effect.zipRight(
            Effect.zipRight(Effect.exit(call), Effect.sleep(waitedMillis)),
            Effect.fail(timeout(command))
          )
        case "slow": {
          const delay = dice.delay("commands")
          return Effect.flatMap(Effect.exit(call), (exit) => Effect.zipRight(Effect.sleep(delay), exit))
        }
        default:
          return call
      }
    })

  const passReply = <A>(
    command: string,
    onReply: RedisExecutor.OnReply<A>,
    send: (onReply: RedisExecutor.OnReply<A>) => void
  ): void => {
    const fault = dice.roll("commands")
    if (fault === undefined) send(onReply)
    else if (fault === "fail") onReply(Exit.fail(unavailable))
    else if (fault === "slow") {
      const delay = dice.delay("commands")
      send((reply) => later(delay, () => onReply(reply)))
    } else {
      send(() => {})
      later(waitedMillis, () => onReply(Exit.fail(timeout(command))))
    }
  }

  /** Whether an event arrives, and when. A notice of a gap always does. */
  const fateOf = (event: SubscriptionEvent): Fault | undefined =>
    event._tag === "Gap" ? undefined : dice.roll("messages")

  const command =
    (of: Pick<RedisExecutor.RedisExecutor, "command">): RedisExecutor.RedisExecutor["command"] =>
    (name, args, options) =>
      pass(name, of.command(name, args, options))
  const nodeOf = (node: RedisExecutor.RedisNode): RedisExecutor.RedisNode => ({ ...node, command: command(node) })
  const { nodes } = executor

  const wrapped: RedisExecutor.RedisExecutor = {
    ...executor,
    get: (key) => pass("GET", executor.get(key)),
    getBuffer: (key) => pass("GET", executor.getBuffer(key)),
    command: command(executor),
    script: (script, input) => pass(script.name, executor.script(script, input)),
    unsafeMget: (keys, onReply) => passReply("MGET", onReply, (onReply) => executor.unsafeMget(keys, onReply)),
    unsafeScript: (script, input, onReply) =>
      passReply(script.name, onReply, (onReply) => executor.unsafeScript(script, input, onReply)),
    subscribe: (channel) =>
      executor.subscribe(channel).pipe(
        Stream.map((event) => [event, fateOf(event)] as const),
        Stream.filter(([, fate]) => fate !== "vanish"),
        Stream.mapEffect(([event, fate]) =>
          fate === "slow" ? Effect.as(Effect.sleep(dice.delay("messages")), event) : Effect.succeed(event)
        )
      ),
    listen: (channel, onEvent) =>
      executor.listen(channel, (event) => {
        const fate = fateOf(event)
        if (fate === undefined) onEvent(event)
        else if (fate === "slow") later(dice.delay("messages"), () => onEvent(event))
      }),
    ...(nodes !== undefined && {
      nodes: {
        ...nodes,
        of: (key: string) => nodeOf(nodes.of(key)),
        current: () => nodes.current().map(nodeOf),
        changes: Stream.map(nodes.changes, (all) => all.map(nodeOf))
      }
    })
  }
  return RedisCommands.fromExecutor(wrapped)
}

/**
 * Wraps the `RedisClient` below it, and provides the controls. `seed` makes the faults those of every run with that seed, as far
 * as the calls come in one order. Without `faults` nothing happens until `set`.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { MemoryRedis, RedisClient } from "effect-cache-toolkit"
 * import { Chaos } from "effect-cache-toolkit/testing"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* RedisClient.RedisClient
 *   const chaos = yield* Chaos.Chaos
 *   const replies = yield* Effect.all(Array.from({ length: 100 }, () => Effect.either(redis.get("greeting"))))
 *   yield* chaos.calm
 *   return [replies.filter(({ _tag }) => _tag === "Left").length, yield* chaos.counts]
 * })
 *
 * const layer = Chaos.layer({ commands: { fail: 0.1 } }, { seed: 1 })
 * Effect.runPromise(Effect.provide(program, Layer.provide(layer, MemoryRedis.layer())))
 */
export const layer = (
  faults: Faults = {},
  {
    seed
  }: {
    /** makes the faults those of every run with this number: default another one for each run */
    readonly seed?: number | undefined
  } = {}
): Layer.Layer<Chaos | RedisClient, never, RedisClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const dice = new Dice(seed)
      dice.faults = checked(faults)
      const set = (next: Faults) =>
        Effect.sync(() => {
          dice.faults = checked(next)
        })
      const inject: Chaos.Service["inject"] = (effect, error) =>
        Effect.suspend(() => {
          const fault = dice.roll("lookups")
          if (fault === "fail") return Effect.fail(error())
          return fault === "slow" ? Effect.zipRight(Effect.sleep(dice.delay("lookups")), effect) : effect
        })
      return Context.make(Chaos, { set, calm: set({}), counts: Effect.sync(() => dice.summary), inject }).pipe(
        Context.add(RedisClient, wrap(RedisExecutor.of(redis), dice, yield* Effect.runtime<never>()))
      )
    })
  )
