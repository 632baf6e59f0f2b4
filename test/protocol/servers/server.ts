/**
 * A server: keys, leases and markers with a clock. Times to live are not counted; expiry is a step of the scheduler.
 */
import type { Rules } from "../rules.js"

export type Key = "a" | "b"

export const keys: ReadonlyArray<Key> = ["a", "b"]

/** The tag of every entry in the runs that have tags. */
export const tag = "tag"

/** The marker of the whole cache. */
export const clear = "clear"

/** As late as the latest move of any tag's marker. */
export const tagFloor = "floor"

/** What is on one server at a time: a key with its lease, or the markers of the cache. */
export type Slot = Key | "markers"

export const slots: ReadonlyArray<Slot> = [...keys, "markers"]

export interface Entry {
  readonly key: Key
  /** which commit of the database it holds */
  readonly version: number
  /** when its lease was granted */
  readonly created: number
  /** past its time to live; it changes for everyone at once, as time does */
  stale: boolean
}

export type Message =
  | { readonly _tag: "Key"; readonly key: Key; readonly sender: number }
  | { readonly _tag: "Ready"; readonly key: Key; readonly sender: number }
  | { readonly _tag: "Tag"; readonly sender: number }
  | { readonly _tag: "Clear"; readonly sender: number }

/** The process that runs a script: its rights, and the error of its estimate of the server's clock. */
export interface Client {
  readonly id: number
  readonly mayPublish: boolean
  readonly clockError: number
}

export interface Command<A> {
  readonly name: string
  /** a command without a key concerns the markers */
  readonly key?: Key
  readonly token?: string
  /** whatever else it says, in the fingerprint of a state */
  readonly args?: ReadonlyArray<unknown>
  /** it does nothing once its deadline has passed */
  readonly hasDeadline?: boolean
  /** a server runs it, whatever slots it has */
  readonly isKeyless?: boolean
  readonly changes?: boolean
  readonly apply: (server: Server, client: Client) => A
}

/** The events of the server that the promises check. */
export interface Observer {
  readonly granted: (key: Key, token: string, newerThan: number) => void
  readonly held: (key: Key, holder: string, waiter: string) => void
  /** a lease ended by a script other than its holder's */
  readonly leaseBroken: (token: string) => void
  readonly published: (message: Message, by: Server) => void
}

/** The error reply of a script. Its effects so far remain. */
export class Rejected extends Error {}

export interface State {
  readonly values: Map<Key, Entry>
  readonly leases: Map<Key, string>
  readonly markers: Map<string, number>
}

export const copy = (state: State): State => ({
  values: new Map(state.values),
  leases: new Map(state.leases),
  markers: new Map(state.markers)
})

/** Acknowledged writes that a failover loses at most. */
const maxLost = 3

/** By how much a wrong clock is ahead: further than any run lasts. */
const farAhead = 1_000

export class Server {
  clock = 1
  /** TIME answers wrongly, or the clock is wrong altogether */
  wrong: "time" | "clock" | undefined
  /** the older state that reads are answered from, while a replica lags behind */
  lagging: State | undefined
  running = true
  state: State = { values: new Map(), leases: new Map(), markers: new Map([[clear, 0]]) }
  private saved: State = copy(this.state)
  /** the last states that a replica may still have, the oldest first */
  history: ReadonlyArray<State> = []

  constructor(
    readonly rules: Rules,
    readonly observer: Observer,
    readonly isReplicated: boolean
  ) {}

  /** A replica has followed up to some write of the last few. */
  readonly remember = (): void => {
    if (this.isReplicated) this.history = [...this.history.slice(1 - maxLost), copy(this.state)]
  }

  readonly save = (): void => {
    this.saved = copy(this.state)
  }

  readonly fingerprint = (): unknown => [
    [this.clock, this.running, this.wrong],
    [this.state, this.history, this.lagging, this.saved]
  ]

  /** Restarts from the last snapshot. */
  readonly restore = (): void => {
    this.state = copy(this.saved)
  }

  /** Adds the markers of tags, which have not moved yet. */
  readonly makeTagMarkers = (): void => {
    for (const name of [tagFloor, tag]) this.state.markers.set(name, 0)
  }

  /** What TIME answers. */
  readonly reportedTime = (): number => (this.wrong === "time" ? this.clock + farAhead : this.clock)

  readonly goWrong = (what: "time" | "clock"): void => {
    this.wrong = what
    if (what === "clock") this.clock += farAhead
  }

  readonly setRight = (): void => {
    if (this.wrong === "clock") this.clock -= farAhead
    this.wrong = undefined
  }

  /** Reads see the present state from now on. */
  readonly lag = (): void => {
    this.lagging = copy(this.state)
  }

  readonly publish = (client: Client, message: Message): void => {
    if (client.mayPublish) this.observer.published(message, this)
    else if (!this.rules.has("publishMayFail")) throw new Rejected()
  }

  readonly endLease = (key: Key): void => {
    const token = this.state.leases.get(key)
    if (token === undefined) return
    this.state.leases.delete(key)
    this.observer.leaseBroken(token)
  }

  readonly stamp = (client: Client): number =>
    this.rules.has("stampsFromServer") ? this.clock : this.clock + client.clockError

  /** The creation time of a new entry: now, and after the clear marker that its writer knows (`floor`). */
  readonly createdAt = (client: Client, floor: number): number =>
    Math.max(this.stamp(client), this.rules.has("createdAfterMarker") ? floor + 1 : 0)
}
