/** What a process knows of each slot and its server: connection, generation, distrust, and the time of the markers' server. */
import { Connection } from "../servers/connection.js"
import { type Key, type Server, type Slot, slots } from "../servers/server.js"
import type { Node } from "../servers/topology.js"
import type { Surroundings } from "./process.js"

/** The connection to one node. */
export interface Link {
  readonly node: Node
  connection: Connection | undefined
  generation: number
  /** of the server that answered last */
  identity: number
  /** the generation stands, and the process rejects its own commands */
  isCircuitOpen: boolean
  /** a server that was replaced and answers this process all the same */
  replaced: Server | undefined
}

/** What a process knows of a slot. */
interface SlotState {
  /** where it was when the process last used it */
  owner: Node
  /** how often it had another owner */
  moves: number
  /** the generation whose replies are used */
  open: string
  /** entries with a lease from then or before are distrusted */
  distrustedUpTo: number
}

/** The last answer of the time of the markers' server, by the process's own clock. */
interface MarkerTime {
  readonly time: number
  readonly sentAt: number
  readonly receivedAt: number
}

/** in ticks: for longer a writer does not reckon with the last time that it has seen */
export const boundLasts = 2

export class Slots {
  readonly links: ReadonlyArray<Link>
  protected readonly slots = new Map<Slot, SlotState>()
  markerTime: MarkerTime | undefined

  constructor(readonly world: Surroundings) {
    const { topology } = world
    this.links = topology.nodes.map((node) => ({
      node,
      connection: new Connection(1),
      generation: 1,
      identity: 0,
      isCircuitOpen: false,
      replaced: undefined
    }))
    for (const slot of slots) {
      this.slots.set(slot, { owner: topology.owner(slot), moves: 0, open: "", distrustedUpTo: 0 })
      this.open(slot)
    }
    this.noteMarkerTime(topology.of("markers").clock, world.time)
  }

  protected slot(slot: Slot): SlotState {
    const state = this.slots.get(slot)
    if (state === undefined) throw new Error(`unknown slot ${slot}`)
    return state
  }

  /** The connection that a command of this slot takes, as far as the process knows. */
  linkOf(slot: Slot): Link {
    const { owner } = this.slot(slot)
    const link = this.links.find(({ node }) => node === owner)
    if (link === undefined) throw new Error(`no connection to the node of ${slot}`)
    return link
  }

  generationOf(slot: Slot): string {
    const { node, generation } = this.linkOf(slot)
    const { moves } = this.slot(slot)
    return this.world.rules.has("movedSlotIsNewGeneration") ? `${node.id}.${generation}.${moves}` : `${generation}`
  }

  /** The slots that this process expects on a node. */
  slotsOn(link: Link): ReadonlyArray<Slot> {
    return slots.filter((slot) => this.linkOf(slot) === link)
  }

  open(slot: Slot): void {
    this.slot(slot).open = this.generationOf(slot)
  }

  /** A server has answered that the slot is elsewhere. Answers whether that is news. */
  learn(slot: Slot): boolean {
    const state = this.slot(slot)
    const owner = this.world.topology.owner(slot)
    if (state.owner === owner) return false
    state.owner = owner
    state.moves++
    return true
  }

  distrust(slot: Slot, upTo: number): void {
    const state = this.slot(slot)
    state.distrustedUpTo = Math.max(state.distrustedUpTo, upTo)
  }

  /** Lowers the marks of distrust that an answer of the time contradicts, and answers whether there was one. */
  lowerDistrust(now: number): boolean {
    let isContradicted = false
    for (const state of this.slots.values()) {
      if (now >= state.distrustedUpTo) continue
      state.distrustedUpTo = now
      isContradicted = true
    }
    return isContradicted
  }

  /** Entries of the key with a lease from then or before are distrusted. */
  distrustedUpTo(key: Key): number {
    const ofAll = this.world.rules.has("markerOutageDistrustsAll") ? this.slot("markers").distrustedUpTo : 0
    return Math.max(this.slot(key).distrustedUpTo, ofAll)
  }

  noteMarkerTime(time: number, sentAt: number): void {
    this.markerTime = { time, sentAt, receivedAt: this.world.time }
  }

  /** The clock of the markers' server is at least there, if it is the one that has last answered. */
  markerClockAtLeast(at: number): number | undefined {
    return this.markerTime === undefined ? undefined : this.markerTime.time + at - this.markerTime.receivedAt
  }

  /** And at most there. */
  markerClockAtMost(at: number): number | undefined {
    return this.markerTime === undefined ? undefined : this.markerTime.time + at - this.markerTime.sentAt
  }

  /** When a set or an update creates its entry; undefined: the markers' server has to be asked. */
  boundOfMarkerClock(): number | undefined {
    const { rules, time } = this.world
    if (this.markerTime === undefined) return undefined
    if (rules.has("boundIsYoung") && time - this.markerTime.receivedAt > boundLasts) return undefined
    return rules.has("boundIsLower") ? this.markerClockAtLeast(time) : this.markerClockAtMost(time)
  }
}
