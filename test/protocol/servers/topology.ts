/**
 * Where each slot is: on one of several nodes, each a server with a clock of its own. A node may be replaced by its replica,
 * which may not have its last writes, and a slot may move.
 */
import { copy, Server, type Slot, type State } from "./server.js"

export class Node {
  /** how often its server was replaced */
  identity = 0

  constructor(
    readonly id: number,
    public server: Server
  ) {}
}

export class Topology {
  readonly nodes: ReadonlyArray<Node>
  private readonly owners = new Map<Slot, Node>()
  private readonly slotsWithLostWrites = new Set<Slot>()

  /** The markers are on the first node, `a` on the next, `b` on the one after that, where there are as many. */
  constructor(clockErrors: ReadonlyArray<number>, makeServer: () => Server) {
    this.nodes = clockErrors.map((error, id) => {
      const server = makeServer()
      server.clock += error
      return new Node(id, server)
    })
    const order: ReadonlyArray<Slot> = ["markers", "a", "b"]
    for (const [i, slot] of order.entries()) {
      const node = this.nodes[i % this.nodes.length]
      if (node !== undefined) this.owners.set(slot, node)
    }
    for (const { server } of this.nodes.slice(1)) server.state.markers.clear()
  }

  get isSeveral(): boolean {
    return this.nodes.length > 1
  }

  readonly owner = (slot: Slot): Node => {
    const node = this.owners.get(slot)
    if (node === undefined) throw new Error(`no node has ${slot}`)
    return node
  }

  readonly of = (slot: Slot): Server => this.owner(slot).server

  readonly slotsOf = (node: Node): ReadonlyArray<Slot> =>
    Array.from(this.owners).flatMap(([slot, owner]) => (owner === node ? [slot] : []))

  /** Whether a failover of the slot's node has lost writes since the slot has come there. */
  readonly hasLostWrites = (slot: Slot): boolean => this.slotsWithLostWrites.has(slot)

  readonly tick = (): void => {
    for (const { server } of this.nodes) server.clock++
  }

  /** A replica takes over with the state that it has, and a clock of its own. */
  readonly replace = (node: Node, state: State, clockError: number): void => {
    const { clock, history, isReplicated, observer, rules } = node.server
    const isLatest = state === node.server.state || state === history.at(-1)
    if (!isLatest) for (const slot of this.slotsOf(node)) this.slotsWithLostWrites.add(slot)
    const server = new Server(rules, observer, isReplicated)
    server.clock = clock + clockError
    server.state = copy(state)
    server.save()
    server.remember()
    node.server = server
    node.identity++
  }

  /** Moves the slot with everything in it. Its replica has what has moved. */
  readonly move = (slot: Slot, to: Node): void => {
    const from = this.owner(slot).server.state
    const target = to.server.state
    if (slot === "markers") {
      for (const [name, marker] of from.markers) target.markers.set(name, marker)
      from.markers.clear()
    } else {
      const entry = from.values.get(slot)
      const token = from.leases.get(slot)
      if (entry !== undefined) target.values.set(slot, entry)
      if (token !== undefined) target.leases.set(slot, token)
      from.values.delete(slot)
      from.leases.delete(slot)
    }
    for (const { server } of [this.owner(slot), to]) {
      server.history = []
      server.save()
      server.remember()
    }
    this.owners.set(slot, to)
    this.slotsWithLostWrites.delete(slot)
  }
}
