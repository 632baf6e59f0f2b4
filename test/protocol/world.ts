/**
 * The world: processes, the server, the database, and everything that can happen between them. Which of it happens when
 * is for `run.ts` to say.
 */
import { type AnyCall, Connection } from "./connection.js"
import { open, replay } from "./outage.js"
import { Process, type Surroundings, type Task } from "./process.js"
import { type Limit, Promises } from "./promises.js"
import { get } from "./reading.js"
import type { Rules } from "./rules.js"
import type { Operation, Scenario } from "./scenario.js"
import { type Key, keys, Server } from "./server.js"
import { boundary, type Step, type Wait } from "./step.js"
import { commitAndDelete, commitAndInvalidate, commitAndMove, commitAndSet, type Update, update } from "./writing.js"

export class World implements Surroundings {
  time = 1
  runningTask: Task | undefined
  readonly database = new Map<Key, number>()
  readonly server: Server
  readonly promises: Promises
  readonly processes: ReadonlyArray<Process>

  readonly localTtl: number
  readonly withMarkers: boolean
  readonly largeValues: boolean
  readonly outboxCapacity: number
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly limits: ReadonlySet<Limit>

  tasks: ReadonlyArray<Task> = []
  /** commands of ended connections that have not arrived yet */
  late: ReadonlyArray<{ readonly process: Process; readonly call: AnyCall }> = []
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
    this.outboxCapacity = scenario.outboxCapacity ?? 8
    this.maxLookups = scenario.maxLookups ?? 2
    this.maxWaiting = scenario.maxWaiting ?? 8
    this.limits = new Set(scenario.limits)
    for (const [fault, count] of Object.entries(scenario.faults)) this.faultsLeft.set(fault, count)
    this.server = new Server(rules, {
      granted: (key, token, newerThan) => this.promises.granted(key, token, newerThan),
      held: (key, holder, waiter) => this.promises.held(key, holder, waiter),
      leaseBroken: (token) => {
        this.promises.leaseBroken(token)
        for (const running of this.updates) if (running.token === token) running.isTaken = true
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
    if (this.withMarkers && scenario.warm === true) this.server.makeTagMarkers()
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
    const task: Task = {
      name: `process ${process.id}: ${name}`,
      process,
      generator,
      kind,
      wait: boundary("start"),
      isStopped: false
    }
    this.tasks = [...this.tasks, task]
    return task
  }

  /** Ends a task as soon as its finalizers have run. */
  readonly stop = (task: Task): void => {
    task.isStopped = true
    this.advance(task, task.generator.return())
  }

  private remove(task: Task): void {
    task.wait = undefined
    this.tasks = this.tasks.filter((other) => other !== task)
    for (const [key, holder] of this.locks) if (holder === task) this.locks.delete(key)
  }

  resume(task: Task): void {
    this.runningTask = task
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
    this.server.clock++
  }

  reconnect(process: Process): void {
    if (this.rules.has("oldConnectionKilled")) this.late = this.late.filter((one) => one.process !== process)
    process.connection = new Connection(++process.generation)
    process.isCircuitOpen = false
    this.promises.reconnected(process)
    this.spawn(process, `open generation ${process.generation}`, "own", open(process, process.generation))
  }

  disconnect(process: Process, isLate: boolean): void {
    const left = process.connection?.end() ?? []
    if (isLate) this.late = [...this.late, ...left.map((call) => ({ process, call }))]
    process.connection = undefined
    process.outageBegan = this.server.clock
    this.promises.processLost(process)
  }

  startServer(): void {
    this.server.running = true
    this.promises.outageEnds()
  }

  stopServer(isLate: boolean): void {
    this.server.running = false
    for (const process of this.processes) {
      if (!process.alive) continue
      if (process.connection !== undefined) this.disconnect(process, isLate)
      process.subscription.end()
    }
  }

  crash(process: Process): void {
    for (const running of this.updates) {
      if (running.process !== process) continue
      const isSole = running.isPlaced && !running.isTaken
      if (isSole || this.limits.has("crashOfOneWriterAmongSeveral")) this.promises.crashedAfter(running.written)
    }
    this.updates = this.updates.filter((running) => running.process !== process)
    this.promises.crashedWith(process)
    this.disconnect(process, true)
    // a later write of the key begins after this deadline
    for (const { call, process: sender } of this.late) if (sender === process) call.expire()
    process.alive = false
    for (const task of this.tasks) if (task.process === process) this.remove(task)
    for (const lookup of this.promises.lookups) if (lookup.process === process) this.promises.lookupEnds(lookup)
    for (const read of this.promises.reads) if (read.process === process) read.excused = true
    process.subscription.end()
  }

  /** Whether a lease may expire: a holder that lives and is connected renews it in time. */
  mayExpire(token: string): boolean {
    if (!this.rules.has("leaseExpires")) return false
    const isUpdate = token.startsWith("update")
    if (!this.rules.has(isUpdate ? "tokenOutlivesWrite" : "leaseRenewed")) return true
    return !this.processes.some(
      (process) => process.alive && process.tokens.has(token) && (isUpdate || process.connection !== undefined)
    )
  }
}
