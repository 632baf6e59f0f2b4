/**
 * A run: one step at a time, chosen by a list of numbers, so that it can be repeated and shrunk; or by a script. Then
 * everything ends without further faults, and every process reads every key.
 */
import type { Process } from "../process/process.js"
import { get } from "../process/reading.js"
import { Broken } from "../promises.js"
import type { Rules } from "../rules.js"
import { type Key, keys } from "../servers/server.js"
import { faults } from "./faults.js"
import type { Operation, Scenario } from "./scenario.js"
import { type Action, progress } from "./steps.js"
import { World } from "./world.js"

/** A step by the start of its name, or all steps whose names contain a text, until none of them is possible. */
export type Script = ReadonlyArray<string | { readonly all: string; readonly except?: string }>

/** Faults that cut no reply off. */
const harmless: ReadonlySet<string> = new Set(["expireValue", "evictMarker", "move"])

/** A run that is not quiet after this many steps never ends. */
const patience = 1500

export class Run {
  readonly trace: Array<string> = []
  readonly world: World
  private lastThread: object | undefined

  constructor(
    scenario: Scenario,
    rules: Rules,
    operations: ReadonlyArray<Operation>,
    private readonly isTraced = false
  ) {
    this.world = new World(scenario, rules, operations)
  }

  /**
   * Takes one step per number. Of `burst` numbers all but one continue the last task, since one task overtakes another only
   * in a long row of its own steps.
   */
  choose(choices: ReadonlyArray<number>, burst: number): void {
    const { processes } = this.world
    for (const choice of choices) {
      const actions = this.possible()
      const sameThread = actions.find(({ thread }) => thread !== undefined && thread === this.lastThread)
      const action = choice % burst !== 0 && sameThread !== undefined ? sameThread : weighted(actions, choice)
      if (action !== undefined) this.take(action)
    }
    this.finish(choices.length % 2 === 0 ? processes : processes.toReversed())
  }

  /** Takes the steps of a script. With `mayLeaveOut` it skips those that the rules make impossible. */
  follow(script: Script, mayLeaveOut = false): void {
    for (const direction of script) {
      if (typeof direction === "string") {
        const action = this.possible().find(({ name }) => name().startsWith(direction))
        if (action !== undefined) this.take(action)
        else if (!mayLeaveOut) throw new Error(`cannot happen now: ${direction}`)
      } else this.takeAll(direction)
    }
    this.finish(this.world.processes)
  }

  /** The promise that a script breaks. */
  broken(script: Script, mayLeaveOut: boolean): Broken | undefined {
    try {
      this.follow(script, mayLeaveOut)
      return undefined
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      return error
    }
  }

  /** Nothing that has begun can continue, and every operation has been called. */
  isAtRest(): boolean {
    return progress(this.world).length === 0
  }

  /**
   * A step that may be taken before all others, since it changes nothing for them, and they change nothing for it: a reply
   * that no fault can cut off, and a message for a process that has nothing left to do.
   */
  urgent(): Action | undefined {
    const { faultsLeft, operations, started, tasks } = this.world
    const isSafe = Array.from(faultsLeft).every(([fault, left]) => left === 0 || harmless.has(fault))
    const isIdle = (process: Process): boolean =>
      !tasks.some((task) => task.process === process) &&
      !operations.slice(started).some((operation) => operation.process === process.id)
    return progress(this.world).find(({ delivery }) => {
      if (delivery === undefined) return false
      const { call, process } = delivery
      return call === undefined ? isIdle(process) : isSafe && !call.isMoved
    })
  }

  possible(): ReadonlyArray<Action> {
    return [...progress(this.world), ...faults(this.world)]
  }

  private takeAll({ all, except }: Exclude<Script[number], string>): void {
    for (;;) {
      const action = progress(this.world).find(({ name, thread }) => {
        const isExcept = except !== undefined && name().includes(except)
        return thread !== undefined && name().includes(all) && !isExcept
      })
      if (action === undefined) return
      this.take(action)
    }
  }

  take(action: Action): void {
    if (this.isTraced) this.trace.push(action.name())
    this.lastThread = action.thread
    action.run()
    this.world.stepEnds()
  }

  finish(probing: ReadonlyArray<Process>): void {
    const { promises } = this.world
    this.settle()
    this.timePasses()
    this.settle()
    this.checkReads()
    promises.isQuiet = true
    for (const { server } of this.world.topology.nodes) server.lagging = undefined
    for (const key of keys) {
      // the first reader may repair what the next one would have found
      for (const process of probing) if (process.alive) this.probe(process, key)
    }
  }

  private settle(): void {
    for (let steps = 0; steps < patience; steps++) {
      const actions = progress(this.world)
      // in turn, so that every possible step is taken
      const action = actions[steps % Math.max(actions.length, 1)]
      if (action === undefined) return
      this.take(action)
    }
  }

  private timePasses(): void {
    const { localTtl, topology } = this.world
    for (let ticks = 0; ticks <= localTtl; ticks++) this.world.tick()
    this.catchUp()
    for (const { server } of topology.nodes) {
      for (const [key, token] of server.state.leases) {
        if (this.world.mayExpire(key, token)) server.state.leases.delete(key)
      }
    }
  }

  /** A new server may have a clock that is behind. A tag that has moved twice meanwhile is not cached until it has caught up. */
  private catchUp(): void {
    const { topology } = this.world
    const server = topology.of("markers")
    if (!topology.isSeveral && !server.isReplicated) return
    const latest = Math.max(...server.state.markers.values())
    while (server.clock <= latest) this.world.tick()
  }

  private checkReads(): void {
    const { lookups, reads } = this.world.promises
    const hanging = lookups.filter((lookup) => lookup.hangs)
    for (const { ended, excused, process, key } of reads) {
      const waitsForHanging = hanging.some((lookup) => lookup.process === process && lookup.key === key)
      if (ended || excused || waitsForHanging) continue
      throw new Broken("everyReadEnds", `process ${process.id} still reads ${key}`)
    }
  }

  /**
   * Reads when all is quiet: the first read may look up, and a later one must find its value. A mark of distrust from a wrong
   * clock costs two more lookups: one finds out that it is wrong, and one begins while it is lowered.
   */
  private probe(process: Process, key: Key): void {
    const { promises } = this.world
    if (promises.lookups.some((lookup) => lookup.hangs)) return
    for (let round = 0; round < 4; round++) {
      this.timePasses()
      if (this.isTraced) this.trace.push(`process ${process.id}: get ${key} is called when all is quiet`)
      this.world.spawn(process, `get ${key}`, "read", get(process, key))
      this.settle()
      this.checkReads()
      const read = promises.reads.at(-1)
      if (read?.answer === undefined) throw new Broken("everyReadEnds", `process ${process.id} got no ${key}`)
      const { source } = read.answer
      if (source === "Redis" || source === "Local") return
    }
    throw new Broken("cachesAgain", `process ${process.id} does not find ${key} in the cache`)
  }
}

const weighted = (actions: ReadonlyArray<Action>, choice: number): Action | undefined => {
  let rest = choice % actions.reduce((sum, action) => sum + action.weight, 0)
  return actions.find((action) => {
    rest -= action.weight
    return rest < 0
  })
}
