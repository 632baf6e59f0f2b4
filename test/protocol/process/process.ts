/**
 * The state of one process: its connection, epochs, flights, local tier, outbox and distrust.
 */

import type { Promises, Source } from "../promises.js"
import type { Rules } from "../rules.js"
import { type AnyCall, Call, type Outcome } from "../servers/connection.js"
import type { Client, Command, Entry, Key, Message, Slot } from "../servers/server.js"
import { Subscription } from "../servers/subscription.js"
import type { Topology } from "../servers/topology.js"
import { Slots } from "./slots.js"
import type { Locals, Sleep, Step, Wait } from "./step.js"

/** The result of a flight. Callers that joined at position `joinedBefore` or later are late. */
export type LoadOutcome =
  | { readonly _tag: "Value"; readonly version: number; readonly source: Source; readonly joinedBefore: number }
  | { readonly _tag: "Failed" }
  | { readonly _tag: "Overloaded" }
  | { readonly _tag: "Stopped" }

export interface Flight {
  readonly key: Key
  readonly id: string
  readonly epoch: string
  readonly token: string
  /** no other caller joins it */
  readonly alone: boolean
  /** the entry that the first caller has seen: only a newer one is accepted */
  readonly newerThan: number
  /** callers so far, and callers that still wait */
  joined: number
  callers: number
  task: Task | undefined
  /** the value of its lookup under the lease, while it is being filled */
  lookedUp: Extract<LoadOutcome, { readonly _tag: "Value" }> | undefined
  outcome: LoadOutcome | undefined
}

/** A generator that the scheduler runs step by step. */
export interface Task {
  readonly name: string
  readonly process: Process
  readonly generator: Step<void>
  readonly kind: "read" | "write" | "own"
  wait: Wait | undefined
  /** for the fingerprint of a state */
  readonly locals: Locals
  /** interrupted: its finalizers run */
  isStopped: boolean
}

export interface Surroundings {
  readonly rules: Rules
  readonly topology: Topology
  readonly promises: Promises
  readonly time: number
  readonly runningTask: Task | undefined
  /** of the task that runs or is being stopped */
  readonly runningLocals: Locals
  readonly localTtl: number
  readonly withMarkers: boolean
  readonly largeValues: boolean
  readonly replaysSets: boolean
  readonly setsAtOnce: boolean
  /** in ticks; undefined: a value is stale only by a step of the scheduler */
  readonly timeToLive: number | undefined
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly outboxCapacity: number
  readonly database: Map<Key, number>
  readonly spawn: (process: Process, name: string, kind: Task["kind"], generator: Step<void>) => Task
  readonly stop: (task: Task) => void
}

/** A set that was sent, with the epoch that the key has if nothing has overtaken it. */
export interface SentWrite {
  readonly key: Key
  epoch: string
}

export type OutboxItem = Key | "tag" | "clear"

export class Process extends Slots implements Client {
  alive = true

  /** an answer of TIME has contradicted an earlier one */
  wasClockWrong = false
  isAskingTime = false
  /** when a connection was last lost, by the clock of the markers' server */
  outageBegan = 0

  /** the clear marker as last seen */
  clearMarker = 0

  /** the markers that the last read has seen */
  lastMarkers: Outcome<ReadonlyArray<number | undefined>> | undefined

  readonly subscription = new Subscription<Message>()

  readonly epochs = new Map<Key, number>()
  epochOfAll = 0
  readonly local = new Map<Key, { readonly entry: Entry; readonly expires: number }>()
  /** the values of the local tier, whatever their time */
  readonly memory = new Map<Key, number>()
  readonly flights = new Map<string, Flight>()
  /** tokens of flights and updates that run */
  readonly tokens = new Set<string>()
  readonly sleepers = new Set<Sleep>()

  /** each with the number of its last addition */
  readonly outbox = new Map<OutboxItem, number>()
  additions = 0
  /** those without an answer, in the order in which they were sent */
  readonly sets: Array<SentWrite> = []
  /** the values of sets that Redis has not acknowledged, while nothing newer was heard of; only where sets are replayed */
  readonly unstored = new Map<Key, number>()
  /** how many tags were acknowledged so far, and clears, which may stand for tags */
  tagsAcknowledged = 0
  replaying = false

  /** lookups without Redis, running and waiting */
  running = 0
  waiting = 0

  private flightCount = 0

  constructor(
    readonly id: number,
    readonly mayPublish: boolean,
    readonly clockError: number,
    world: Surroundings
  ) {
    super(world)
  }

  /** Takes a step, and says meanwhile which local variables the caller still needs. */
  *keep<A>(locals: ReadonlyArray<unknown>, step: Step<A>): Step<A> {
    const { runningLocals } = this.world
    runningLocals.push(locals)
    try {
      return yield* step
    } finally {
      runningLocals.pop()
    }
  }

  /** Sends a command and waits for its outcome. */
  *send<A>(command: Command<A>): Step<Outcome<A>> {
    const call = this.issue(command)
    if (call === undefined) {
      this.world.promises.commandFailed(this, command)
      return { _tag: "Unavailable" }
    }
    yield call
    return this.outcomeOf(command, call)
  }

  /** Sends two commands in one turn and waits for both outcomes. */
  *sendBoth<A, B>(first: Command<A>, second: Command<B>): Step<readonly [Outcome<A>, Outcome<B>]> {
    const one = this.issue(first)
    const other = this.issue(second)
    if (one !== undefined || other !== undefined) {
      const isReady = () => one?.pending() !== true && other?.pending() !== true
      yield { what: `${first.name} and ${second.name}`, ready: isReady, calls: [one, other] }
    }
    return [this.outcomeOf(first, one), this.outcomeOf(second, other)]
  }

  private outcomeOf<A>(command: Command<A>, call: Call<A> | undefined): Outcome<A> {
    const outcome = call === undefined ? ({ _tag: "Unavailable" } as const) : (call.outcome ?? { _tag: "Unknown" })
    if (outcome._tag !== "Reply") this.world.promises.commandFailed(this, command)
    return outcome
  }

  /** Sends a command whose outcome nobody waits for. */
  issue<A>(command: Command<A>): Call<A> | undefined {
    const slot = command.key ?? "markers"
    const { connection, isCircuitOpen } = this.linkOf(slot)
    if (connection === undefined || isCircuitOpen) return undefined
    const call = new Call(command, this, this.generationOf(slot), this.world.runningTask)
    connection.sent.push(call)
    return call
  }

  /** Sends a command to the node that has its slot. A deadline is by the clock of the node that it was sent to first. */
  redirect(call: AnyCall): void {
    const { connection, isCircuitOpen } = this.linkOf(call.slot)
    if (!call.pending()) return
    const isRejected = isCircuitOpen || (call.hasDeadline && this.world.rules.has("deadlineOfEntryNode"))
    if (connection === undefined || isRejected) call.reject()
    else {
      call.redirect(this.generationOf(call.slot))
      connection.sent.push(call)
    }
  }

  /** Whether replies of the slot's present connection are used. */
  isOpen(slot: Slot): boolean {
    const { connection, isCircuitOpen } = this.linkOf(slot)
    if (connection === undefined) return false
    if (isCircuitOpen && this.world.rules.has("openCircuitReadsNothing")) return false
    return !this.world.rules.has("newGenerationClosed") || this.generationOf(slot) === this.slot(slot).open
  }

  /** The value of a reply that may be used. */
  usable<A>(slot: Slot, outcome: Outcome<A>): { readonly value: A; readonly generation: string } | undefined {
    if (outcome._tag !== "Reply") return undefined
    const { rules } = this.world
    const ofMarkers = this.isSeveral && slot === "markers"
    if (!rules.has("newGenerationClosed") || (ofMarkers && !rules.has("markersOfOpenGeneration"))) return outcome
    const { open } = this.slot(slot)
    const hasEnded = this.isSeveral && this.generationOf(slot) !== open
    return outcome.generation === open && !hasEnded ? outcome : undefined
  }

  get isSeveral(): boolean {
    return this.world.topology.isSeveral
  }

  /** What it takes for the time of the markers' server. */
  serverTime(): number {
    return this.world.topology.of("markers").clock + this.clockError
  }

  /** Whether an entry is past its time to live. */
  isStale(entry: Entry): boolean {
    const { rules, timeToLive, topology } = this.world
    if (entry.stale || timeToLive === undefined) return entry.stale
    const now = rules.has("freshnessByMarkerNode") ? this.serverTime() : topology.of(entry.key).clock
    return now - entry.created >= timeToLive
  }

  /** Whether this process may read the key from Redis at all. */
  mayRead(key: Key): boolean {
    const { rules } = this.world
    if (!this.isOpen(key) || (this.isSeveral && !this.isOpen("markers"))) return false
    if (this.outbox.has("clear") && rules.has("overflowReadsNothing")) return false
    return !(this.outbox.has(key) && rules.has("outboxIsMiss"))
  }

  epochOf(key: Key): string {
    return `${this.epochs.get(key) ?? 0}.${this.epochOfAll}`
  }

  moveEpoch(key: Key): void {
    this.epochs.set(key, (this.epochs.get(key) ?? 0) + 1)
    this.local.delete(key)
    if (this.world.rules.has("memoryForgetsWrites")) this.memory.delete(key)
  }

  moveAllEpochs(): void {
    this.epochOfAll++
    this.local.clear()
    if (this.world.rules.has("memoryForgetsWrites")) this.memory.clear()
  }

  /** The markers concern all keys. */
  moveEpochsOf(slot: Slot): void {
    if (slot === "markers") this.moveAllEpochs()
    else if (this.isSeveral) this.moveEpoch(slot)
  }

  localHit(key: Key): Entry | undefined {
    const found = this.local.get(key)
    return found !== undefined && this.world.time < found.expires && !this.isStale(found.entry)
      ? found.entry
      : undefined
  }

  /** `asked` is when the value was asked for, `epoch` the key's epoch at that time. */
  putLocal(entry: Entry, asked: number, epoch: string): void {
    const { rules, localTtl, time } = this.world
    if (localTtl === 0 || (rules.has("localPutNeedsEpoch") && this.epochOf(entry.key) !== epoch)) return
    const from = rules.has("localTimeFromRequest") ? asked : time
    this.local.set(entry.key, { entry, expires: from + localTtl })
    this.memory.set(entry.key, entry.version)
  }

  newToken(what: string): string {
    return this.world.rules.has("tokenPerFlight") ? `${what}${this.id}.${++this.flightCount}` : `${what}${this.id}`
  }

  hear(message: Message): void {
    const { rules } = this.world
    if (message._tag === "Ready") this.wake(message.key)
    else if (message.sender === this.id && rules.has("senderIgnoresOwn")) return
    else if (message._tag === "Key") {
      this.unstored.delete(message.key)
      if (rules.has("messagesMoveEpoch")) this.moveEpoch(message.key)
      this.local.delete(message.key)
      this.wake(message.key)
    } else {
      if (rules.has("messagesMoveEpoch")) this.moveAllEpochs()
      this.local.clear()
    }
  }

  hearGap(): void {
    const { rules } = this.world
    if (rules.has("gapDropsLocal")) {
      this.local.clear()
      this.memory.clear()
    }
    if (rules.has("gapMovesEpochs")) this.epochOfAll++
  }

  /** Everything that decides what this process does next, apart from its tasks. */
  fingerprint(): unknown {
    const { alive, clearMarker, epochOfAll, epochs, flightCount, flights, isAskingTime, lastMarkers, local } = this
    const { additions, markerTime, outageBegan, outbox, replaying, running, slots, sleepers, subscription } = this
    const { tagsAcknowledged, tokens, waiting, wasClockWrong } = this
    return [
      this.links.map((link) => [link.generation, link.identity, link.isCircuitOpen, link.connection?.fingerprint()]),
      [alive, clearMarker, epochOfAll, flightCount, isAskingTime, additions, markerTime, outageBegan, replaying],
      [running, tagsAcknowledged, waiting, wasClockWrong, lastMarkers],
      [epochs, flights, local, this.memory, outbox, this.sets, this.unstored, slots, tokens],
      [...sleepers].map(({ awake, key }) => [awake, key]),
      subscription
    ]
  }

  private wake(key: Key): void {
    if (!this.world.rules.has("waitersAreWoken")) return
    for (const sleep of this.sleepers) if (sleep.key === key) sleep.awake = true
  }
}
