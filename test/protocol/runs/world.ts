/**
 * The world: processes, the server, the database, and everything that can happen between them. Which of it happens when
 * is for `run.ts` to say.
 */
import { open, replay } from "../process/outage.js"
import { Process, type Surroundings, type Task } from "../process/process.js"
import { get } from "../process/reading.js"
import type { Link } from "../process/slots.js"
import { boundary, type Locals, type Step, type Wait } from "../process/step.js"
import {
  commitAndDelete,
  commitAndInvalidate,
  commitAndMove,
  commitAndSet,
  type Update,
  update
} from "../process/writing.js"
import { type Limit, Promises } from "../promises.js"
import type { Rules } from "../rules.js"
import { type AnyCall, Call, Connection } from "../servers/connection.js"
import { type Key, keys, type Observer, Server, type Slot, type State } from "../servers/server.js"
import { type Node, Topology } from "../servers/topology.js"
import type { Operation, Scenario } from "./scenario.js"

export class World implements Surroundings {
  time = 1
  runningTask: Task | undefined
  runningLocals: Locals = []
  readonly database = new Map<Key, number>()
  readonly topology: Topology
  readonly promises: Promises
  readonly processes: ReadonlyArray<Process>

  readonly localTtl: number
  readonly withMarkers: boolean
  readonly largeValues: boolean
  readonly replaysSets: boolean
  readonly setsAtOnce: boolean
  readonly timeToLive: number | undefined
  readonly outboxCapacity: number
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly limits: ReadonlySet<Limit>

  tasks: ReadonlyArray<Task> = []
  /** commands of ended connections that have not arrived yet */
  late: ReadonlyArray<{ readonly process: Process; readonly node: Node; readonly call: AnyCall }> = []
  readonly faultsLeft = new Map<string, number>()
  private readonly locks = new Map<Key, Task>()
  updates: ReadonlyArray<Update> = []
  started = 0
  ticks = 0

  constructor(
    readonly scenario: Scenario,
    readonly rules: Rules,
    readonly operations: ReadonlyArray<Operation>
  ) {
    this.localTtl = scenario.localTtl
    this.withMarkers = scenario.withMarkers ?? false
    this.largeValues = scenario.largeValues ?? false
    this.replaysSets = scenario.replaysSets ?? false
    this.setsAtOnce = scenario.setsAtOnce ?? false
    this.timeToLive = scenario.timeToLive
    this.outboxCapacity = scenario.outboxCapacity ?? 8
    this.maxLookups = scenario.maxLookups ?? 2
    this.maxWaiting = scenario.maxWaiting ?? 8
    this.limits = new Set(scenario.limits)
    for (const [fault, count] of Object.entries(scenario.faults)) this.faultsLeft.set(fault, count)
    const isReplicated = Object.keys(scenario.faults).some((fault) => fault.startsWith("failover"))
    const observer: Observer = {
      granted: (key, token, newerThan) => this.promises.granted(key, token, newerThan),
      held: (key, holder, waiter) => this.promises.held(key, holder, waiter),
      leaseBroken: (token) => {
        this.promises.leaseBroken(token)
        for (const running of this.updates) if (running.token === token) running.isTaken = true
      },
      published: (message, by) => {
        for (const { subscription } of this.processes) {
          const hears = rules.has("publishReachesAllNodes") || this.topology.nodes[subscription.node]?.server === by
          if (hears) subscription.push(message)
        }
      }
    }
    this.topology = new Topology(scenario.servers ?? [0], () => new Server(rules, observer, isReplicated))
    this.processes = Array.from({ length: scenario.processes }, (_, id) => {
      const mayPublish = !(scenario.mayNotPublish ?? []).includes(id)
      return new Process(id, mayPublish, scenario.clockErrors?.[id] ?? 0, this)
    })
    this.promises = new Promises(this)
    const { topology } = this
    if (this.withMarkers && scenario.warm === true) topology.of("markers").makeTagMarkers()
    if (scenario.warm === true) {
      for (const key of keys) topology.of(key).state.values.set(key, { key, version: 0, created: 1, stale: false })
    }
    for (const { server } of topology.nodes) {
      server.save()
      server.remember()
    }
    this.tick()
  }

  readonly isOnItsWay = (token: string): boolean =>
    this.processes.some(({ links }) =>
      links.some(
        ({ connection }) =>
          connection !== undefined && [...connection.sent, ...connection.answered].some((call) => call.token === token)
      )
    )

  readonly spawn = (process: Process, name: string, kind: Task["kind"], generator: Step<void>): Task => {
    const task: Task = {
      name: `process ${process.id}: ${name}`,
      process,
      generator,
      kind,
      wait: boundary("start"),
      locals: [],
      isStopped: false
    }
    this.tasks = [...this.tasks, task]
    return task
  }

  /** Ends a task as soon as its finalizers have run. */
  readonly stop = (task: Task): void => {
    task.isStopped = true
    this.runningLocals = task.locals
    this.advance(task, task.generator.return())
  }

  private remove(task: Task): void {
    task.wait = undefined
    this.tasks = this.tasks.filter((other) => other !== task)
    for (const [key, holder] of this.locks) if (holder === task) this.locks.delete(key)
  }

  resume(task: Task): void {
    this.runningTask = task
    this.runningLocals = task.locals
    const next = task.generator.next()
    this.runningTask = undefined
    this.advance(task, next)
  }

  private advance(task: Task, next: IteratorResult<Wait, void>): void {
    if (next.done === true) this.remove(task)
    else task.wait = next.value
  }

  /** The consequences of a step that are no steps themselves. */
  stepEnds(): void {
    for (const process of this.processes) {
      if (process.alive && process.outbox.size > 0 && !process.replaying) {
        process.replaying = true
        this.spawn(process, "replay", "own", this.replayOf(process))
      }
    }
    this.promises.stepEnds()
  }

  private *replayOf(process: Process): Step<void> {
    try {
      yield* replay(process)
    } finally {
      process.replaying = false
    }
  }

  start(operation: Operation): void {
    const { what, key } = operation
    const process = this.processes[operation.process % this.processes.length]
    if (process === undefined || !process.alive) return
    if (what === "get" || what === "refresh") {
      this.spawn(process, `${what} ${key}`, "read", get(process, key, what === "refresh"))
      return
    }
    const task: Task = this.spawn(
      process,
      `${what} ${key}`,
      "write",
      this.write(process, what, key, () => task)
    )
  }

  private *write(
    process: Process,
    what: Exclude<Operation["what"], "get" | "refresh">,
    key: Key,
    task: () => Task
  ): Step<void> {
    if (this.scenario.serialised === true) {
      const concerned = what === "tag" || what === "clear" ? keys : [key]
      yield { what: "lock", ready: () => concerned.every((one) => !this.locks.has(one)) }
      for (const one of concerned) this.locks.set(one, task())
    }
    switch (what) {
      case "invalidate":
        return yield* commitAndInvalidate(process, key)
      case "set":
        return yield* commitAndSet(process, key)
      case "delete":
        return yield* commitAndDelete(process, key)
      case "tag":
      case "clear":
        return yield* commitAndMove(process, what)
      case "update": {
        const state: Update = {
          process,
          key,
          token: process.newToken("update"),
          written: [],
          isPlaced: false,
          isTaken: false
        }
        this.updates = [...this.updates, state]
        try {
          return yield* update(process, state)
        } finally {
          this.updates = this.updates.filter((other) => other !== state)
        }
      }
    }
  }

  tick(): void {
    this.time++
    this.topology.tick()
  }

  reconnect(process: Process, link: Link): void {
    if (this.rules.has("oldConnectionKilled")) {
      this.late = this.late.filter((one) => one.process !== process || one.node !== link.node)
    }
    link.connection = new Connection(++link.generation)
    link.isCircuitOpen = false
    const isAnotherServer = link.identity !== link.node.identity
    link.identity = link.node.identity
    this.opens(process, process.slotsOn(link), `open generation ${link.generation}`, isAnotherServer)
  }

  private opens(process: Process, slots: ReadonlyArray<Slot>, name: string, isAnotherServer: boolean): void {
    for (const slot of slots) this.promises.reconnected(process, slot)
    this.spawn(process, name, "own", open(process, slots, isAnotherServer))
  }

  /** A server has answered that it does not have the slot of a command. */
  redirect(process: Process, call: AnyCall): void {
    const { slot } = call
    if (process.learn(slot) && this.rules.has("movedSlotIsNewGeneration")) {
      this.opens(process, [slot], `open ${slot} on node ${this.topology.owner(slot).id}`, true)
    }
    process.redirect(call)
  }

  disconnect(process: Process, link: Link, isLate: boolean): void {
    const left = link.connection?.end() ?? []
    if (isLate) this.late = [...this.late, ...left.map((call) => ({ process, node: link.node, call }))]
    link.connection = undefined
    link.replaced = undefined
    process.outageBegan = this.topology.of("markers").clock
    this.promises.processLost(process)
  }

  startServer(node: Node): void {
    node.server.running = true
    for (const slot of this.topology.slotsOf(node)) this.promises.outageEnds(slot)
  }

  stopServer(node: Node, isLate: boolean): void {
    node.server.running = false
    this.endConnections(node, isLate)
  }

  private endConnections(node: Node, isLate: boolean): void {
    for (const process of this.processes) {
      if (!process.alive) continue
      for (const link of process.links) {
        if (link.node === node && link.connection !== undefined) this.disconnect(process, link, isLate)
      }
      if (process.subscription.node === node.id) process.subscription.end()
    }
  }

  /** A replica takes over. What was on its way to the old server is lost, and so are the writes that the replica does not have. */
  failOver(node: Node, state: State, clockError: number): void {
    this.endConnections(node, false)
    this.replace(node, state, clockError)
  }

  /** The same, and one process is still connected to the server that was replaced. */
  split(node: Node, left: Process): void {
    const links = left.links.filter((link) => link.node === node)
    for (const link of links) link.replaced = node.server
    for (const process of this.processes) {
      if (process === left) continue
      for (const link of process.links) if (link.node === node) this.disconnect(process, link, false)
    }
    this.replace(node, node.server.state, 0)
  }

  private replace(node: Node, state: State, clockError: number): void {
    const { leases } = node.server.state
    this.late = this.late.filter((one) => one.node !== node)
    this.topology.replace(node, state, clockError)
    for (const [key, token] of leases) {
      if (node.server.state.leases.get(key) === token) continue
      node.server.observer.leaseBroken(token)
    }
  }

  /**
   * Whether a slot may leave its node: not after a failover that has lost writes of the slot, until every process has found it
   * there. Else a process could not know that it has to distrust what those writes had made obsolete.
   */
  mayMove(slot: Slot): boolean {
    if (!this.topology.hasLostWrites(slot) || this.limits.has("slotMovedBackUnseen")) return true
    const owner = this.topology.owner(slot)
    return this.processes.every((process) => !process.alive || process.linkOf(slot).node === owner)
  }

  crash(process: Process): void {
    for (const running of this.updates) {
      if (running.process !== process) continue
      const isSole = running.isPlaced && !running.isTaken
      if (isSole || this.limits.has("crashOfOneWriterAmongSeveral")) this.promises.crashedAfter(running.written)
    }
    this.updates = this.updates.filter((running) => running.process !== process)
    this.promises.crashedWith(process)
    for (const link of process.links) this.disconnect(process, link, true)
    // a later write of the key begins after this deadline
    for (const { call, process: sender } of this.late) if (sender === process) call.expire()
    process.alive = false
    for (const task of this.tasks) if (task.process === process) this.remove(task)
    for (const lookup of this.promises.lookups) if (lookup.process === process) this.promises.lookupEnds(lookup)
    for (const read of this.promises.reads) if (read.process === process) read.excused = true
    process.subscription.end()
  }

  fingerprint(): unknown {
    const { nodes } = this.topology
    return [
      [this.time, this.ticks, this.started],
      this.database,
      nodes.map((node) => {
        const slots = this.topology.slotsOf(node)
        return [node.identity, slots, slots.filter(this.topology.hasLostWrites), node.server.fingerprint()]
      }),
      this.processes.map((process) => process.fingerprint()),
      this.tasks.map(({ isStopped, kind, locals, name, wait }) => [
        name,
        kind,
        isStopped,
        wait?.what,
        wait?.ready(),
        wait?.calls?.map((call) => call?.fingerprint()),
        wait instanceof Call ? wait.fingerprint() : undefined,
        locals
      ]),
      this.late.map(({ call, node, process }) => [call.fingerprint(), node.id, process.id]),
      this.faultsLeft,
      [...this.locks].map(([key, task]) => [key, task.name]),
      this.updates,
      this.promises.fingerprint()
    ]
  }

  /** Whether the lease of a key may expire: a holder that lives and is connected to its server renews it in time. */
  mayExpire(key: Key, token: string): boolean {
    if (!this.rules.has("leaseExpires")) return false
    const isUpdate = token.startsWith("update")
    if (!this.rules.has(isUpdate ? "tokenOutlivesWrite" : "leaseRenewed")) return true
    return !this.processes.some(
      (process) =>
        process.alive && process.tokens.has(token) && (isUpdate || process.linkOf(key).connection !== undefined)
    )
  }
}
