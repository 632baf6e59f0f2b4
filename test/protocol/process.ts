/**
 * The state of one process: its connection, epochs, flights, local tier, outbox and distrust.
 */
import { Call, Connection, type Outcome, Subscription } from "./connection.js"
import type { Promises, Source } from "./promises.js"
import type { Rules } from "./rules.js"
import type { Client, Command, Entry, Key, Message, Server } from "./server.js"
import type { Sleep, Step, Wait } from "./step.js"

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
  outcome: LoadOutcome | undefined
}

/** A generator that the scheduler runs step by step. */
export interface Task {
  readonly name: string
  readonly process: Process
  readonly generator: Step<void>
  readonly kind: "read" | "write" | "own"
  wait: Wait | undefined
  /** interrupted: its finalizers run */
  isStopped: boolean
}

export interface Surroundings {
  readonly rules: Rules
  readonly server: Server
  readonly promises: Promises
  readonly time: number
  readonly runningTask: Task | undefined
  readonly localTtl: number
  readonly withMarkers: boolean
  readonly largeValues: boolean
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly outboxCapacity: number
  readonly database: Map<Key, number>
  readonly spawn: (process: Process, name: string, kind: Task["kind"], generator: Step<void>) => Task
  readonly stop: (task: Task) => void
}

export type OutboxItem = Key | "tag" | "clear"

export class Process implements Client {
  alive = true

  connection: Connection | undefined = new Connection(1)
  generation = 1
  /** the generation whose replies are used */
  openGeneration = 1
  /** the generation stands, and the process refuses its own commands */
  isCircuitOpen = false
  /** entries with a lease from then or before are distrusted */
  distrustedUpTo = 0
  /** an answer of TIME has contradicted an earlier one */
  wasClockWrong = false
  isAskingTime = false
  /** when the connection was lost, by the server's clock */
  outageBegan = 0

  /** the clear marker as last seen */
  clearMarker = 0

  readonly subscription = new Subscription<Message>()

  readonly epochs = new Map<Key, number>()
  epochOfAll = 0
  readonly local = new Map<Key, { readonly entry: Entry; readonly expires: number }>()
  readonly flights = new Map<string, Flight>()
  /** tokens of flights and updates that run */
  readonly tokens = new Set<string>()
  readonly sleepers = new Set<Sleep>()

  /** each with the number of its last addition */
  readonly outbox = new Map<OutboxItem, number>()
  additions = 0
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
    readonly world: Surroundings
  ) {}

  /** Sends a command and waits for its outcome. */
  *send<A>(command: Command<A>): Step<Outcome<A>> {
    const call = this.issue(command)
    if (call === undefined) {
      this.world.promises.commandFailed(this)
      return { _tag: "Unavailable" }
    }
    yield call
    const outcome = call.outcome ?? { _tag: "Unknown" }
    if (outcome._tag !== "Reply") this.world.promises.commandFailed(this)
    return outcome
  }

  /** Sends a command whose outcome nobody waits for. */
  issue<A>(command: Command<A>): Call<A> | undefined {
    if (this.connection === undefined || this.isCircuitOpen) return undefined
    const call = new Call(command, this, this.connection.generation, this.world.runningTask)
    this.connection.sent.push(call)
    return call
  }

  /** Whether replies of the present connection are used. */
  isOpen(): boolean {
    if (this.connection === undefined) return false
    if (this.isCircuitOpen && this.world.rules.has("openCircuitReadsNothing")) return false
    return !this.world.rules.has("newGenerationClosed") || this.connection.generation === this.openGeneration
  }

  /** The value of a reply that may be used. */
  usable<A>(outcome: Outcome<A>): { readonly value: A; readonly generation: number } | undefined {
    if (outcome._tag !== "Reply") return undefined
    const isCurrent = !this.world.rules.has("newGenerationClosed") || outcome.generation === this.openGeneration
    return isCurrent ? outcome : undefined
  }

  /** What it takes for the server's time. */
  serverTime(): number {
    return this.world.server.clock + this.clockError
  }

  /** Whether this process may read the key from Redis at all. */
  mayRead(key: Key): boolean {
    const { rules } = this.world
    if (!this.isOpen()) return false
    if (this.outbox.has("clear") && rules.has("overflowReadsNothing")) return false
    return !(this.outbox.has(key) && rules.has("outboxIsMiss"))
  }

  epochOf(key: Key): string {
    return `${this.epochs.get(key) ?? 0}.${this.epochOfAll}`
  }

  moveEpoch(key: Key): void {
    this.epochs.set(key, (this.epochs.get(key) ?? 0) + 1)
    this.local.delete(key)
  }

  moveAllEpochs(): void {
    this.epochOfAll++
    this.local.clear()
  }

  localHit(key: Key): Entry | undefined {
    const found = this.local.get(key)
    return found !== undefined && this.world.time < found.expires && !found.entry.stale ? found.entry : undefined
  }

  /** `asked` is when the value was asked for, `epoch` the key's epoch at that time. */
  putLocal(entry: Entry, asked: number, epoch: string): void {
    const { rules, localTtl, time } = this.world
    if (localTtl === 0 || (rules.has("localPutNeedsEpoch") && this.epochOf(entry.key) !== epoch)) return
    const from = rules.has("localTimeFromRequest") ? asked : time
    this.local.set(entry.key, { entry, expires: from + localTtl })
  }

  newToken(what: string): string {
    return this.world.rules.has("tokenPerFlight") ? `${what}${this.id}.${++this.flightCount}` : `${what}${this.id}`
  }

  hear(message: Message): void {
    const { rules } = this.world
    if (message._tag === "Ready") this.wake(message.key)
    else if (message.sender === this.id && rules.has("senderIgnoresOwn")) return
    else if (message._tag === "Key") {
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
    if (rules.has("gapDropsLocal")) this.local.clear()
    if (rules.has("gapMovesEpochs")) this.epochOfAll++
  }

  private wake(key: Key): void {
    if (!this.world.rules.has("waitersAreWoken")) return
    for (const sleep of this.sleepers) if (sleep.key === key) sleep.awake = true
  }
}
