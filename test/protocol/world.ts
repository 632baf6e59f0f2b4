/**
 * The world: processes, the server, the database, and a scheduler that takes one step at a time. Which step is next,
 * and which fault happens, is read from a list of numbers, so that a run can be repeated and made smaller.
 */
import { type AnyCall, Connection } from "./connection.js"
import { open, replay } from "./outage.js"
import { Process, type Surroundings, type Task } from "./process.js"
import { Broken, type Limit, Promises } from "./promises.js"
import { get } from "./reading.js"
import type { Rules } from "./rules.js"
import { type Key, Server } from "./server.js"
import { boundary, type Step } from "./step.js"
import { commitAndDelete, commitAndInvalidate, commitAndMove, commitAndSet, type Update, update } from "./writing.js"

export interface Operation {
  readonly what: "get" | "invalidate" | "update" | "set" | "tag" | "clear" | "delete"
  readonly process: number
  readonly key: Key
}

export type Fault =
  | "break" // a connection ends; what was on its way is lost
  | "breakLate" // a connection ends; what was on its way arrives later
  | "timeout" // a caller gives up waiting for a reply
  | "busBreak" // a subscription ends; what was on its way is lost
  | "interrupt" // the caller of an operation is interrupted
  | "crash" // a process ends
  | "stop" // the server is away for everyone
  | "restart" // it comes back with an older snapshot
  | "expireValue"
  | "expireLease"
  | "evictMarker"
  | "age" // a value passes its time to live
  | "lookupFails"
  | "lookupHangs"

export interface Scenario {
  readonly processes: number
  /** in ticks; zero is no local tier */
  readonly localTtl: number
  readonly withMarkers?: boolean
  /** the caller lets only one write of a key run at a time */
  readonly serialised?: boolean
  readonly outboxCapacity?: number
  readonly maxLookups?: number
  readonly maxWaiting?: number
  /** the processes that may not publish */
  readonly mayNotPublish?: ReadonlyArray<number>
  /** by how much each process's idea of the server's clock is wrong */
  readonly clockErrors?: ReadonlyArray<number>
  /** how often each fault may happen */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  readonly limits?: ReadonlyArray<Limit>
  /** starts with both keys cached */
  readonly warm?: boolean
}

interface Action {
  readonly name: string
  readonly weight: number
  readonly run: () => void
}

const keys: ReadonlyArray<Key> = ["a", "b"]

/** A run that is not quiet after so many steps goes on for ever. */
const patience = 1500

export class World implements Surroundings {
  time = 1
  readonly database = new Map<Key, number>()
  readonly server: Server
  readonly promises: Promises
  readonly processes: ReadonlyArray<Process>
  readonly trace: Array<string> = []

  readonly localTtl: number
  readonly withMarkers: boolean
  readonly outboxCapacity: number
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly limits: ReadonlySet<Limit>

  private tasks: ReadonlyArray<Task> = []
  /** commands of ended connections that have not arrived yet */
  private late: ReadonlyArray<{ readonly process: Process; readonly call: AnyCall }> = []
  private readonly faultsLeft = new Map<string, number>()
  private readonly locks = new Map<Key, Task>()
  private updates: ReadonlyArray<Update> = []
  private started = 0
  private ticks = 0

  constructor(
    readonly scenario: Scenario,
    readonly rules: Rules,
    private readonly operations: ReadonlyArray<Operation>
  ) {
    this.localTtl = scenario.localTtl
    this.withMarkers = scenario.withMarkers ?? false
    this.outboxCapacity = scenario.outboxCapacity ?? 8
    this.maxLookups = scenario.maxLookups ?? 2
    this.maxWaiting = scenario.maxWaiting ?? 8
    this.limits = new Set(scenario.limits)
    for (const [fault, count] of Object.entries(scenario.faults)) this.faultsLeft.set(fault, count)
    this.server = new Server(rules, {
      granted: (key, token, newerThan) => this.promises.granted(key, token, newerThan),
      held: (key, holder, asker) => this.promises.held(key, holder, asker),
      leaseBroken: (token) => {
        this.promises.leaseBroken(token)
        for (const running of this.updates) if (running.token === token) running.isSole = false
      },
      published: (message) => {
        for (const process of this.processes) process.subscription.push(message)
      }
    })
    this.processes = Array.from({ length: scenario.processes }, (_, id) => {
      const mayPublish = !(scenario.mayNotPublish ?? []).includes(id)
      return new Process(id, mayPublish, scenario.clockErrors?.[id] ?? 0, this)
    })
    this.promises = new Promises(this)
    if (this.withMarkers && scenario.warm === true) this.server.state.markers.set("tag", 0)
    if (scenario.warm === true) {
      for (const key of keys) this.server.state.values.set(key, { key, version: 0, created: 1, stale: false })
    }
    this.server.save()
    this.tick()
  }

  readonly isOnItsWay = (token: string): boolean =>
    this.processes.some(
      ({ connection }) =>
        connection !== undefined && [...connection.sent, ...connection.answered].some((call) => call.token === token)
    )

  readonly spawn = (process: Process, name: string, kind: Task["kind"], generator: Step<void>): Task => {
    const task: Task = { name: `process ${process.id}: ${name}`, process, generator, kind, wait: boundary("start") }
    this.tasks = [...this.tasks, task]
    return task
  }

  /** Ends a task and runs its finalizers. */
  readonly stop = (task: Task): void => {
    task.generator.return()
    this.remove(task)
  }

  private remove(task: Task): void {
    task.wait = undefined
    this.tasks = this.tasks.filter((other) => other !== task)
    for (const [key, holder] of this.locks) if (holder === task) this.locks.delete(key)
  }

  private resume(task: Task): void {
    const next = task.generator.next()
    if (next.done === true) this.remove(task)
    else task.wait = next.value
  }

  private take(action: Action): void {
    this.trace.push(action.name)
    action.run()
    for (const process of this.processes) {
      if (process.alive && process.outbox.size > 0 && !process.replaying) {
        process.replaying = true
        this.spawn(process, "replay", "own", this.replayOf(process))
      }
    }
    this.promises.stepEnds()
    this.checkBounds()
  }

  private *replayOf(process: Process): Step<void> {
    try {
      yield* replay(process)
    } finally {
      process.replaying = false
    }
  }

  private checkBounds(): void {
    for (const process of this.processes) {
      const count = this.promises.lookups.filter(
        (lookup) => lookup.process === process && lookup.why === "noRedis"
      ).length
      if (count > this.maxLookups) throw new Broken("boundedLookups", `process ${process.id}: ${count} at once`)
    }
  }

  private start(operation: Operation): void {
    const { what, key } = operation
    const process = this.processes[operation.process % this.processes.length]
    if (process === undefined || !process.alive) return
    if (what === "get") {
      this.spawn(process, `get ${key}`, "read", get(process, key))
      return
    }
    const task: Task = this.spawn(process, `${what} ${key}`, "write", this.write(process, what, key, () => task))
  }

  private *write(process: Process, what: Exclude<Operation["what"], "get">, key: Key, task: () => Task): Step<void> {
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
        const state: Update = { process, key, token: process.newToken("update"), isSole: true, written: [] }
        this.updates = [...this.updates, state]
        try {
          return yield* update(process, state)
        } finally {
          this.updates = this.updates.filter((other) => other !== state)
        }
      }
    }
  }

  private tick(): void {
    this.time++
    this.server.clock++
  }

  /** Steps that bring what has begun to its end. */
  private progress(): ReadonlyArray<Action> {
    const actions: Array<Action> = []
    const add = (name: string, weight: number, run: () => void) => actions.push({ name, weight, run })
    const { server } = this
    for (const task of this.tasks) {
      if (task.wait?.ready() === true) add(`${task.name} goes on after: ${task.wait.what}`, 10, () => this.resume(task))
    }
    for (const process of this.processes) {
      if (!process.alive) continue
      const { connection, subscription, id } = process
      const [sent] = connection?.sent ?? []
      if (connection !== undefined && sent !== undefined && server.running) {
        add(`the server runs ${sent.name} of process ${id}`, 10, () => {
          connection.sent.shift()
          sent.apply(server)
          connection.answered.push(sent)
        })
      }
      const [answered] = connection?.answered ?? []
      if (connection !== undefined && answered !== undefined) {
        add(`process ${id} gets the reply to ${answered.name}`, 10, () => {
          connection.answered.shift()
          answered.deliver()
        })
      }
      if (connection === undefined && server.running) add(`process ${id} reconnects`, 6, () => this.reconnect(process))
      const [event] = subscription.inbox
      if (event !== undefined) {
        const what = event._tag === "Gap" ? "a gap" : `a message (${event.message._tag})`
        add(`process ${id} hears ${what}`, 6, () => {
          subscription.inbox.shift()
          subscription.heard = event.number
          if (event._tag === "Gap") process.hearGap()
          else process.hear(event.message)
        })
      }
      if (!subscription.connected && server.running) {
        add(`process ${id} subscribes again`, 3, () => subscription.resubscribe())
      }
      for (const sleep of process.sleepers) {
        if (sleep.awake || !this.rules.has("waitersPoll")) continue
        add(`process ${id} asks again for the lease of ${sleep.key}`, 1, () => {
          sleep.awake = true
        })
      }
    }
    const [late] = this.late
    if (late !== undefined && server.running) {
      add(`the server runs ${late.call.name} of process ${late.process.id}, late`, 3, () => {
        this.late = this.late.slice(1)
        late.call.apply(server)
      })
    }
    if (!server.running) add("the server is back", 4, () => this.startServer())
    const operation = this.operations[this.started]
    if (operation !== undefined) {
      add(`process ${operation.process}: ${operation.what} ${operation.key} is called`, 8, () => {
        this.started++
        this.start(operation)
      })
    }
    return actions
  }

  private reconnect(process: Process): void {
    if (this.rules.has("oldConnectionKilled")) this.late = this.late.filter((one) => one.process !== process)
    process.connection = new Connection(++process.generation)
    this.promises.reconnected(process)
    this.spawn(process, `open generation ${process.generation}`, "own", open(process, process.generation))
  }

  private disconnect(process: Process, isLate: boolean): void {
    const left = process.connection?.end() ?? []
    if (isLate) this.late = [...this.late, ...left.map((call) => ({ process, call }))]
    process.connection = undefined
    process.outageBegan = this.server.clock
    this.promises.processLost(process)
  }

  private startServer(): void {
    this.server.running = true
    this.promises.outageEnds()
  }

  private stopServer(isLate: boolean): void {
    this.server.running = false
    for (const process of this.processes) {
      if (!process.alive) continue
      if (process.connection !== undefined) this.disconnect(process, isLate)
      process.subscription.end()
    }
  }

  private crash(process: Process): void {
    for (const running of this.updates) {
      if (running.process !== process) continue
      if (running.isSole || this.limits.has("crashOfOneWriterAmongSeveral")) this.promises.crashedAfter(running.written)
    }
    this.updates = this.updates.filter((running) => running.process !== process)
    this.promises.crashedWith(process)
    this.disconnect(process, true)
    process.alive = false
    for (const task of this.tasks) if (task.process === process) this.remove(task)
    for (const lookup of this.promises.lookups) if (lookup.process === process) this.promises.lookupEnds(lookup)
    for (const read of this.promises.reads) if (read.process === process) read.excused = true
    process.subscription.end()
  }

  /** Steps that may happen, and not too often. */
  private faults(): ReadonlyArray<Action> {
    const actions: Array<Action> = []
    const { server, promises } = this
    const add = (fault: Fault, detail: string, run: () => void) => {
      const left = this.faultsLeft.get(fault) ?? 0
      if (left === 0) return
      const name = `${fault} ${detail}`
      actions.push({ name, weight: 2, run: () => (this.faultsLeft.set(fault, left - 1), run()) })
    }
    if (this.ticks < 8) {
      actions.push({ name: "time passes", weight: 2, run: () => (this.ticks++, this.tick()) })
    }
    for (const process of this.processes) {
      if (!process.alive) continue
      const who = `process ${process.id}`
      const { connection } = process
      if (connection !== undefined) {
        add("break", who, () => this.disconnect(process, false))
        add("breakLate", who, () => this.disconnect(process, true))
        for (const call of [...connection.sent, ...connection.answered]) {
          if (!call.pending()) continue
          add("timeout", `${who} ${call.name}`, () => {
            promises.calm = false
            call.giveUp()
          })
        }
      }
      if (process.subscription.connected) add("busBreak", who, () => process.subscription.end())
      if (this.processes.filter((other) => other.alive).length > 1) add("crash", who, () => this.crash(process))
    }
    for (const task of this.tasks) {
      if (task.kind !== "own") add("interrupt", task.name, () => this.stop(task))
    }
    if (server.running) {
      add("stop", "server, which keeps what it has", () => this.stopServer(true))
      add("restart", "server", () => {
        this.stopServer(false)
        server.restore()
      })
    }
    for (const [key, entry] of server.state.values) {
      add("expireValue", key, () => server.state.values.delete(key))
      if (!entry.stale) {
        add("age", key, () => {
          entry.stale = true
        })
      }
    }
    for (const [key, token] of server.state.leases) {
      if (this.mayExpire(token)) add("expireLease", key, () => server.state.leases.delete(key))
    }
    for (const marker of server.state.markers.keys()) {
      add("evictMarker", marker, () => server.state.markers.delete(marker))
    }
    for (const lookup of promises.lookups) {
      if (lookup.hangs) continue
      const who = `lookup of ${lookup.key} in process ${lookup.process.id}`
      add("lookupFails", who, () => {
        lookup.fails = true
      })
      add("lookupHangs", who, () => {
        lookup.hangs = true
      })
    }
    return actions
  }

  /** A holder that lives and is connected renews its lease in time. */
  private mayExpire(token: string): boolean {
    if (!this.rules.has("leaseExpires")) return false
    const isUpdate = token.startsWith("update")
    if (!this.rules.has(isUpdate ? "tokenOutlivesWrite" : "leaseRenewed")) return true
    return !this.processes.some(
      (process) => process.alive && process.tokens.has(token) && (isUpdate || process.connection !== undefined)
    )
  }

  /** Takes one step per number, then lets everything come to its end, and looks at what is left. */
  run(choices: ReadonlyArray<number>): void {
    for (const choice of choices) {
      const actions = [...this.progress(), ...this.faults()]
      const total = actions.reduce((sum, action) => sum + action.weight, 0)
      let rest = choice % total
      const chosen = actions.find((action) => {
        rest -= action.weight
        return rest < 0
      })
      if (chosen !== undefined) this.take(chosen)
    }
    this.settle()
    this.timePasses()
    this.settle()
    this.checkReads()
    for (const key of keys) for (const process of this.processes) if (process.alive) this.probe(process, key)
  }

  private settle(): void {
    for (let steps = 0; steps < patience; steps++) {
      const actions = this.progress()
      // every possible step has its turn
      const action = actions[steps % Math.max(actions.length, 1)]
      if (action === undefined) return
      this.take(action)
    }
  }

  private timePasses(): void {
    for (let ticks = 0; ticks <= this.localTtl; ticks++) this.tick()
    for (const [key, token] of this.server.state.leases) {
      if (this.mayExpire(token)) this.server.state.leases.delete(key)
    }
  }

  private checkReads(): void {
    const isHanging = this.promises.lookups.some((lookup) => lookup.hangs)
    for (const { ended, excused, process, key } of this.promises.reads) {
      const waitsForHanging = isHanging && this.promises.lookups.some((one) => one.process === process && one.key === key)
      if (ended || excused || waitsForHanging) continue
      throw new Broken("everyReadEnds", `process ${process.id} still reads ${key}`)
    }
  }

  /** Reads when all is quiet: the first read may look up, a later one finds what the first has left. */
  private probe(process: Process, key: Key): void {
    if (this.promises.lookups.some((lookup) => lookup.hangs)) return
    for (let round = 0; round < 3; round++) {
      this.timePasses()
      this.trace.push(`process ${process.id}: get ${key} is called when all is quiet`)
      this.spawn(process, `get ${key}`, "read", get(process, key))
      this.settle()
      this.checkReads()
      const read = this.promises.reads.at(-1)
      if (read?.answer === undefined) throw new Broken("everyReadEnds", `process ${process.id} got no ${key}`)
      const { source, version } = read.answer
      if (version < this.promises.due(key)) {
        const detail = `process ${process.id} reads commit ${version} of ${key}, but ${this.promises.due(key)} was due`
        throw new Broken("noWrongValueLeft", detail)
      }
      if (source === "Redis" || source === "Local") return
    }
    throw new Broken("cachesAgain", `process ${process.id} does not find ${key} in the cache`)
  }
}
