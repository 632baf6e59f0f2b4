/**
 * The server: keys, leases, markers and the scripts, each one atomic step. Times to live are not counted; expiry is a
 * step of the scheduler.
 */
import type { Rules } from "./rules.js"

export type Key = "a" | "b"

export const keys: ReadonlyArray<Key> = ["a", "b"]

/** The tag of every entry in the runs that have tags. */
export const tag = "tag"

/** The marker of the whole cache. */
export const clear = "clear"

/** As late as the latest move of any tag's marker. */
const tagFloor = "floor"

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
  readonly key?: Key
  readonly token?: string
  /** it does nothing once its deadline has passed */
  readonly hasDeadline?: boolean
  readonly apply: (server: Server, client: Client) => A
}

/** The events of the server that the promises check. */
export interface Observer {
  readonly granted: (key: Key, token: string, newerThan: number) => void
  readonly held: (key: Key, holder: string, waiter: string) => void
  /** a lease ended by a script other than its holder's */
  readonly leaseBroken: (token: string) => void
  readonly published: (message: Message) => void
}

/** The error reply of a script. Its effects so far remain. */
export class Rejected extends Error {}

interface State {
  readonly values: Map<Key, Entry>
  readonly leases: Map<Key, string>
  readonly markers: Map<string, number>
}

const copy = (state: State): State => ({
  values: new Map(state.values),
  leases: new Map(state.leases),
  markers: new Map(state.markers)
})

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

  constructor(
    readonly rules: Rules,
    readonly observer: Observer
  ) {}

  readonly save = (): void => {
    this.saved = copy(this.state)
  }

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
    if (client.mayPublish) this.observer.published(message)
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

export const read = (key: Key): Command<Entry | undefined> => ({
  name: "GET",
  key,
  apply: ({ lagging, state }) => (lagging ?? state).values.get(key)
})

export const readMarkers = (names: ReadonlyArray<string>): Command<ReadonlyArray<number | undefined>> => ({
  name: "MGET markers",
  apply: ({ lagging, state }) => names.map((name) => (lagging ?? state).markers.get(name))
})

export const time: Command<number> = { name: "TIME", apply: (server) => server.reportedTime() }

export type Acquired =
  | { readonly _tag: "Value"; readonly entry: Entry }
  | { readonly _tag: "Granted"; readonly created: number }
  | { readonly _tag: "Held" }

/** SET NX of the lease; the second half of Acquire. */
export const takeLease = (key: Key, token: string, newerThan: number, floor: number): Command<Acquired> => ({
  name: "take lease",
  key,
  token,
  apply: (server, client) => {
    const holder = server.state.leases.get(key)
    if (holder !== undefined && (holder !== token || !server.rules.has("sameTokenGrantedAgain"))) {
      server.observer.held(key, holder, token)
      return { _tag: "Held" }
    }
    server.state.leases.set(key, token)
    server.observer.granted(key, token, newerThan)
    const atLeast = server.rules.has("createdFollowsMarkersOnly") ? floor : Math.max(floor, newerThan)
    return { _tag: "Granted", created: server.createdAt(client, atLeast) }
  }
})

export const acquire = (key: Key, token: string, newerThan: number, floor: number): Command<Acquired> => ({
  name: "Acquire",
  key,
  token,
  apply: (server, client) => {
    const entry = server.state.values.get(key)
    if (entry !== undefined && !entry.stale && entry.created > newerThan) return { _tag: "Value", entry }
    return takeLease(key, token, newerThan, floor).apply(server, client)
  }
})

export const fill = (key: Key, token: string, entry: Entry): Command<boolean> => ({
  name: "Fill",
  key,
  token,
  apply: (server, client) => {
    const { state, rules } = server
    if (rules.has("fillComparesToken") && state.leases.get(key) !== token) return false
    state.values.set(key, rules.has("createdAtLease") ? entry : { ...entry, created: server.clock })
    if (rules.has("fillEndsLease")) state.leases.delete(key)
    if (client.mayPublish) server.observer.published({ _tag: "Ready", key, sender: client.id })
    return true
  }
})

export const release = (key: Key, token: string): Command<void> => ({
  name: "Release",
  key,
  token,
  apply: (server, client) => {
    if (server.rules.has("leaseReleasedByCompare") && server.state.leases.get(key) !== token) return
    server.state.leases.delete(key)
    if (client.mayPublish) server.observer.published({ _tag: "Ready", key, sender: client.id })
  }
})

export const invalidate = (key: Key): Command<void> => ({
  name: "Invalidate",
  key,
  apply: (server, client) => {
    if (server.rules.has("invalidateDeletesValue")) server.state.values.delete(key)
    if (server.rules.has("invalidateDeletesLease")) server.endLease(key)
    if (server.rules.has("invalidatePublishes")) server.publish(client, { _tag: "Key", key, sender: client.id })
  }
})

export const set = (key: Key, version: number, floor: number): Command<void> => ({
  name: "Set",
  key,
  hasDeadline: true,
  apply: (server, client) => {
    server.state.values.set(key, { key, version, created: server.createdAt(client, floor), stale: false })
    if (server.rules.has("setEndsLease")) server.endLease(key)
    if (server.rules.has("setPublishes")) server.publish(client, { _tag: "Key", key, sender: client.id })
  }
})

/** The first half of an update; answers when the token was placed. */
export const begin = (key: Key, token: string, floor: number): Command<number> => ({
  name: "Begin",
  key,
  token,
  apply: (server, client) => {
    server.state.values.delete(key)
    if (server.state.leases.get(key) !== token) server.endLease(key)
    server.state.leases.set(key, token)
    return server.createdAt(client, floor)
  }
})

/** The second half of an update; answers whether the value was stored. */
export const finish = (key: Key, token: string, entry: Entry): Command<boolean> => ({
  name: "Finish",
  key,
  token,
  apply: (server, client) => {
    const { state, rules } = server
    const mine = !rules.has("updateComparesToken") || state.leases.get(key) === token
    if (mine) {
      state.values.set(key, entry)
      state.leases.delete(key)
    } else if (rules.has("updateDeletesOtherwise")) {
      state.values.delete(key)
      server.endLease(key)
    }
    server.publish(client, { _tag: "Key", key, sender: client.id })
    return mine
  }
})

export const moveMarker = (name: string): Command<void> => ({
  name: `Move ${name}`,
  apply: (server, client) => {
    const { state, rules } = server
    // creation times may be ahead of the clock, by the clear marker and no further
    const last = Math.max(state.markers.get(name) ?? 0, state.markers.get(clear) ?? 0)
    const step = rules.has("markerMovesByOne") ? 1 : 0
    const atLeast = rules.has("markersMoveForward") ? last + step : 0
    const marker = Math.max(atLeast, server.stamp(client))
    state.markers.set(name, marker)
    if (name === tag && rules.has("floorMovesWithTags")) {
      const floor = rules.has("markersMoveForward") ? (state.markers.get(tagFloor) ?? 0) : 0
      state.markers.set(tagFloor, Math.max(floor, marker))
    }
    server.publish(client, { _tag: name === clear ? "Clear" : "Tag", sender: client.id })
  }
})

/** Answers the clear marker and the tag's, created where they are missing, for an entry created at `created`. */
export const ensureMarkers = (created: number): Command<ReadonlyArray<number | undefined>> => ({
  name: "Ensure markers",
  apply: (server, client) => {
    const { state, rules } = server
    const ensure = (name: string, made: number): number | undefined => {
      const present = state.markers.get(name)
      if (present !== undefined || !rules.has("markerMadeWhereAbsent")) return present
      state.markers.set(name, made)
      return made
    }
    // a time that invalidates no entry
    const before = created - 1
    const now = server.stamp(client)
    const ofAll = ensure(clear, rules.has("markerCreatedNow") ? now : before)
    const floor = ensure(tagFloor, rules.has("floorCreatedNow") ? now : before)
    return [ofAll, ensure(tag, rules.has("tagMarkerCreatedAtFloor") && floor !== undefined ? floor : before)]
  }
})

/** A delete by the application, past the engine. */
export const bareDelete = (key: Key): Command<void> => ({
  name: "DEL",
  key,
  apply: ({ state }) => {
    state.values.delete(key)
  }
})
