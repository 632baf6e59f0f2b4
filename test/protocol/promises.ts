/**
 * The promises of the protocol, checked while the model runs. A value is the number of a commit, so that "older" is
 * "smaller". A read remembers at its start the oldest commit that it may answer.
 */
import type { Flight, Process } from "./process/process.js"
import { type Key, keys, type Slot } from "./servers/server.js"
import type { Topology } from "./servers/topology.js"

export const promises = {
  neverServedAgain: "a read that starts after an acknowledged invalidation answers nothing older",
  localBound: "a local tier drops an entry when it hears of its invalidation, or when its time to live has passed",
  ownWritesSeen: "after its own invalidation, set or update, acknowledged or not, a process reads nothing older",
  setIsStored: "a set is stored, however large, if its connection works and no other write comes between",
  noResurrection: "what was invalidated during an outage is not served by a process that has come back from it",
  noWrongValueLeft: "when all is quiet again, no cached value is older than the last write",
  oneLookup: "one lookup per key at a time",
  noNeedlessLookup: "no lease is granted while Redis holds a value that the caller may have",
  noEndlessWait: "no flight waits for a lease that no process will end",
  noAbandonedLookup: "no lookup runs without a caller that waits for it",
  everyReadEnds: "every read ends, and with a value unless its lookup fails",
  boundedLookups: "lookups without Redis are bounded, and only those beyond both bounds are rejected",
  cachesAgain: "when all is quiet again, values are cached again"
} as const

export type PromiseName = keyof typeof promises

export class Broken extends Error {
  constructor(
    readonly promise: PromiseName,
    detail: string
  ) {
    super(`broken: ${promises[promise]} (${promise})\n${detail}`)
  }
}

/** Situations that the protocol does not cover. A scenario may count them as broken promises all the same. */
export type Limit =
  | "outageOfOneProcess"
  | "crashOfOneWriterAmongSeveral"
  | "crashWithOutbox"
  | "concurrentSet"
  | "slotMovedBackUnseen"

/** "Memory" is a kept value that answers while Redis and the database are away. */
export type Source = "Local" | "Redis" | "Stale" | "Lookup" | "Degraded" | "Memory"

/** The commit of each key that one write has changed: older values are obsolete. */
export type Written = ReadonlyArray<readonly [key: Key, version: number]>

export interface Read {
  readonly process: Process
  readonly key: Key
  readonly strict: number
  readonly outage: number
  readonly localOutage: number
  readonly local: number
  readonly heard: number
  readonly own: number
  readonly started: number
  answer: { readonly source: Source; readonly version: number } | undefined
  ended: boolean
  excused: boolean
}

interface Obligation {
  readonly process: Process
  readonly key: Key
  readonly version: number
  readonly heardBy: number
  readonly timeIsUp: number
}

export interface Lookup {
  readonly process: Process
  readonly key: Key
  readonly flight: Flight
  readonly why: "lease" | "bound" | "noRedis"
  /** its lease was ended by an invalidation or an outage, so that another lookup may run beside it */
  excused: boolean
  hangs: boolean
  fails: boolean
}

class Versions {
  readonly map = new Map<string, number>()
  readonly get = (key: Key): number => this.map.get(key) ?? 0
  readonly raise = (written: Written): void => {
    for (const [key, version] of written) this.map.set(key, Math.max(this.get(key), version))
  }
  readonly raiseAll = (other: Versions): void => {
    for (const key of keys) this.raise([[key, other.get(key)]])
  }
}

export class Promises {
  /** acknowledged by the server */
  private readonly acknowledged = new Versions()
  private readonly duringOutage = new Map<Slot, Versions>()
  private readonly outages = new Map<Slot, Versions>()
  private readonly own = new Map<Process, Versions>()
  /** what outages have made obsolete for a process that is connected again, and for one whose reads are open again */
  private readonly outagesReconnected = new Map<Process, Map<Slot, Versions>>()
  private readonly outagesOpened = new Map<Process, Map<Slot, Versions>>()
  /** written by a process that has crashed, and still promised */
  private readonly crashed = new Versions()
  private obligations: ReadonlyArray<Obligation> = []
  readonly reads: Array<Read> = []
  lookups: ReadonlyArray<Lookup> = []
  /** tokens whose lease may end before their lookup does */
  private readonly broken = new Set<string>()
  private steps = 0
  /** the last step at which Redis was away, for a process and a key */
  private readonly away = new Map<Process, Map<Key, number>>()
  /** no fault has happened that can leave a lease behind */
  calm = true
  /** everything has ended */
  isQuiet = false

  constructor(
    private readonly world: {
      readonly time: number
      readonly localTtl: number
      readonly maxLookups: number
      readonly processes: ReadonlyArray<Process>
      readonly topology: Topology
      readonly limits: ReadonlySet<Limit>
      readonly isOnItsWay: (token: string) => boolean
    }
  ) {}

  private versionsOf<K>(map: Map<K, Versions>, owner: K): Versions {
    const found = map.get(owner) ?? new Versions()
    map.set(owner, found)
    return found
  }

  private versionsOfSlot(map: Map<Process, Map<Slot, Versions>>, process: Process, slot: Slot): Versions {
    const found = map.get(process) ?? new Map<Slot, Versions>()
    map.set(process, found)
    return this.versionsOf(found, slot)
  }

  /** What outages of the key's server, or of the markers', have made obsolete. */
  private obsoleteBy(map: Map<Process, Map<Slot, Versions>>, process: Process, key: Key): number {
    return Math.max(...[key, "markers" as const].map((slot) => this.versionsOfSlot(map, process, slot).get(key)))
  }

  private heard(process: Process, key: Key, whenTimeIsUp = true): number {
    let version = 0
    for (const due of this.obligations) {
      const isTimeUp = whenTimeIsUp && this.world.time >= due.timeIsUp
      const isDue = process.subscription.heard >= due.heardBy || isTimeUp
      if (due.process === process && due.key === key && isDue) version = Math.max(version, due.version)
    }
    return version
  }

  readStarts(process: Process, key: Key): Read {
    const own = this.versionsOf(this.own, process).get(key)
    const read: Read = {
      process,
      key,
      own,
      strict: this.acknowledged.get(key),
      outage: this.obsoleteBy(this.outagesReconnected, process, key),
      localOutage: this.obsoleteBy(this.outagesOpened, process, key),
      local: Math.max(own, this.heard(process, key)),
      heard: this.heard(process, key, false),
      started: this.steps,
      answer: undefined,
      ended: false,
      excused: false
    }
    this.reads.push(read)
    return read
  }

  readEnds(read: Read, source: Source, version: number): void {
    read.ended = true
    read.answer = { source, version }
    const expect = (promise: PromiseName, atLeast: number): void => {
      if (version >= atLeast) return
      const where = `process ${read.process.id} read ${read.key}`
      throw new Broken(promise, `${where} from ${source}: commit ${version}, but ${atLeast} was due`)
    }
    if (this.isQuiet) {
      expect("noWrongValueLeft", this.due(read.key))
      return
    }
    expect("ownWritesSeen", read.own)
    if (source === "Local") {
      expect("noResurrection", read.localOutage)
      expect("localBound", read.local)
    } else if (source === "Memory" && this.wasAway(read)) {
      expect("noResurrection", read.localOutage)
      expect("localBound", read.heard)
    } else if (source !== "Degraded" || !this.wasAway(read)) {
      expect("noResurrection", read.outage)
      expect("neverServedAgain", read.strict)
    }
  }

  /** Whether Redis was away for the key at some time during a read. */
  private wasAway({ process, key, started }: Read): boolean {
    return (this.away.get(process)?.get(key) ?? -1) >= started
  }

  private setAway(process: Process, key: Key): void {
    const away = this.away.get(process) ?? new Map<Key, number>()
    this.away.set(process, away.set(key, this.steps))
  }

  /** With several servers, the failure of a command of one key concerns no other. */
  commandFailed(process: Process, { key: only }: { readonly name: string; readonly key?: Key }): void {
    for (const key of keys) {
      if (only === undefined || only === key || !this.world.topology.isSeveral) this.setAway(process, key)
    }
  }

  /** A write has returned to its caller. */
  written(process: Process, slot: Slot, written: Written, acknowledged: boolean): void {
    this.versionsOf(this.own, process).raise(written)
    if (!this.world.topology.of(slot).running) this.versionsOf(this.duringOutage, slot).raise(written)
    if (!acknowledged && !this.world.limits.has("outageOfOneProcess")) return
    this.acknowledged.raise(written)
    for (const other of this.world.processes) {
      // the writes of a process without the right to publish bind others only after the local time to live
      const heardBy = process.mayPublish ? other.subscription.horizon() : Number.POSITIVE_INFINITY
      const timeIsUp = this.world.time + this.world.localTtl
      this.obligations = [
        ...this.obligations,
        ...written.map(([key, version]) => ({ process: other, key, version, heardBy, timeIsUp }))
      ]
    }
  }

  /** The deadline of a set had passed when it arrived. */
  setRejected(process: Process, key: Key): void {
    throw new Broken("setIsStored", `the set of ${key} by process ${process.id} was rejected as too late`)
  }

  crashedAfter(written: Written): void {
    this.crashed.raise(written)
  }

  crashedWith(process: Process): void {
    if (this.world.limits.has("crashWithOutbox")) this.crashed.raiseAll(this.versionsOf(this.own, process))
  }

  outageEnds(slot: Slot): void {
    this.versionsOf(this.outages, slot).raiseAll(this.versionsOf(this.duringOutage, slot))
  }

  reconnected(process: Process, slot: Slot): void {
    this.versionsOfSlot(this.outagesReconnected, process, slot).raiseAll(this.versionsOf(this.outages, slot))
  }

  opened(process: Process, slot: Slot): void {
    const reconnected = this.versionsOfSlot(this.outagesReconnected, process, slot)
    this.versionsOfSlot(this.outagesOpened, process, slot).raiseAll(reconnected)
  }

  /** The oldest commit that may be cached when all is quiet. */
  due(key: Key): number {
    const alive = this.world.processes.filter((process) => process.alive)
    const own = alive.map((process) => this.versionsOf(this.own, process).get(key))
    return Math.max(this.acknowledged.get(key), this.crashed.get(key), ...own)
  }

  lookupStarts(lookup: Lookup): void {
    lookup.excused = this.broken.has(lookup.flight.token)
    for (const other of this.lookups) {
      if (other.key !== lookup.key || other.excused || lookup.excused) continue
      const what = `${lookup.key} is looked up by process ${lookup.process.id} and process ${other.process.id} at once`
      if (lookup.why === "lease" && other.why === "lease") throw new Broken("oneLookup", what)
      const sameFlight = other.process === lookup.process && other.flight.epoch === lookup.flight.epoch
      if (sameFlight && !other.flight.alone && !lookup.flight.alone) throw new Broken("oneLookup", what)
    }
    this.lookups = [...this.lookups, lookup]
  }

  lookupEnds(lookup: Lookup): void {
    this.lookups = this.lookups.filter((other) => other !== lookup)
  }

  leaseBroken(token: string): void {
    this.broken.add(token)
    for (const lookup of this.lookups) if (lookup.flight.token === token) lookup.excused = true
  }

  /** The connection or the life of a process has ended: its lease may end before its lookup. */
  processLost(process: Process): void {
    this.calm = false
    for (const token of process.tokens) this.broken.add(token)
    for (const lookup of this.lookups) if (lookup.process === process) lookup.excused = true
  }

  granted(key: Key, token: string, newerThan: number): void {
    const entry = this.world.topology.of(key).state.values.get(key)
    if (entry !== undefined && !entry.stale && entry.created > newerThan) {
      throw new Broken("noNeedlessLookup", `${token} was granted while ${key} held commit ${entry.version}`)
    }
  }

  held(key: Key, holder: string, waiter: string): void {
    if (holder === waiter) throw new Broken("noEndlessWait", `${waiter} waits for its own lease of ${key}`)
    // the replay of an interrupted update ends its lease
    const isRepaired = this.world.processes.some((process) => process.outbox.has(key))
    if (this.calm && !isRepaired && !this.world.isOnItsWay(holder) && !this.isHeld(holder)) {
      throw new Broken("noEndlessWait", `${waiter} waits for the lease of ${key}, whose holder ${holder} has ended`)
    }
  }

  /** Whether a flight or update still runs that will end the lease. */
  isHeld(token: string): boolean {
    return this.world.processes.some((process) => process.alive && process.tokens.has(token))
  }

  /** What later steps are judged by. Reads that have ended, and times that nothing compares any more, are left out. */
  fingerprint(): unknown {
    const { processes, time } = this.world
    const isAway = (process: Process) => keys.map((key) => this.away.get(process)?.get(key) === this.steps)
    const due = this.obligations.filter(({ timeIsUp }) => timeIsUp > time)
    return [
      [this.acknowledged, this.duringOutage, this.outages, this.crashed],
      processes.map((process) => [
        isAway(process),
        this.own.get(process),
        this.outagesReconnected.get(process),
        this.outagesOpened.get(process),
        keys.map((key) => this.heard(process, key))
      ]),
      due.map(({ heardBy, key, process, timeIsUp, version }) => [process.id, key, version, `${heardBy}`, timeIsUp]),
      this.reads.flatMap((read) => (read.ended || read.excused ? [] : [[read, this.wasAway(read)]])),
      this.lookups,
      this.broken,
      this.calm
    ]
  }

  stepEnds(): void {
    this.steps++
    for (const process of this.world.processes) {
      for (const key of keys) if (!process.mayRead(key)) this.setAway(process, key)
      const count = this.lookups.filter((one) => one.process === process && one.why === "noRedis").length
      if (count > this.world.maxLookups) throw new Broken("boundedLookups", `process ${process.id}: ${count} at once`)
    }
    for (const { flight, process, key } of this.lookups) {
      if (flight.callers === 0) {
        throw new Broken("noAbandonedLookup", `process ${process.id} looks up ${key}, and no caller waits for it`)
      }
    }
  }
}
