/**
 * Sends the calls of one script that are made in one turn as one command (see `ScriptBatch` of `RedisScript`). A call may join
 * until the command is sent.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import { fromServerReply, type RedisError, RedisProtocolError } from "../RedisError.js"
import type { OnReply, WithGeneration } from "../RedisExecutor.js"
import type { RedisScript } from "../RedisScript.js"
import { largeLength } from "./Liveness.js"
import type { CommandQueue } from "./queue/CommandQueue.js"
import type { Caller } from "./queue/QueuedCommand.js"
import { script as running } from "./queue/RunningScript.js"

/** Whether a script is sent as its text or as its hash. */
export type Form = "EVAL" | "EVALSHA"

/** A call of a script. */
export interface ScriptCall {
  readonly script: RedisScript<unknown, unknown>
  readonly input: unknown
  readonly keys: ReadonlyArray<string>
  /** the slot of the keys; absent where one server holds all keys */
  readonly slot: number | undefined
  /** whether the call shares its command with no other */
  readonly isAlone: boolean
}

/** Sends a call as a command of its own, or with others as one. */
export type Send = (form: Form, call: ScriptCall, onReply: OnReply<RedisReply>, caller: Caller | undefined) => void

/**
 * The most calls of one command. The server answers nobody else while it runs them, and the callers of one command resume
 * while the server works on the next.
 */
const maxCalls = 64

interface JoinedCall {
  readonly input: unknown
  readonly onReply: OnReply<RedisReply>
  readonly caller: Caller | undefined
}

const isWaiting = ({ caller }: JoinedCall): boolean => caller === undefined || caller.unsafePoll() === null

/** How many keys are remembered while a busy queue keeps commands open. */
const maxKeys = 10_000

/**
 * The order of the commands that are queued. A call must not join a command that was queued before another one with a key of
 * its own: an interrupted caller releases what it has just asked for, and the release would leave first.
 */
class Order {
  /** of each key, the number of the last command with it */
  private readonly last = new Map<string, number>()
  private queued = 0
  private open = 0
  /** the last command whose keys are forgotten: no call joins it, or one before it */
  private forgotten = 0

  /** Numbers a command that calls may join until it is closed. */
  begin(): number {
    this.open++
    return ++this.queued
  }

  close(): void {
    this.open--
    if (this.open === 0) this.last.clear()
  }

  /** Notes a command that no call may join. */
  pass(keys: ReadonlyArray<string>): void {
    if (this.open > 0) this.note(keys, ++this.queued)
  }

  note(keys: ReadonlyArray<string>, number: number): void {
    if (this.last.size >= maxKeys) {
      this.last.clear()
      this.forgotten = this.queued
    }
    for (const key of keys) this.last.set(key, number)
  }

  /** Whether a call may join a command. */
  allows(keys: ReadonlyArray<string>, number: number, sharesKeys: boolean): boolean {
    if (number <= this.forgotten) return false
    for (const key of keys) {
      const last = this.last.get(key)
      if (last !== undefined && (last > number || (last === number && !sharesKeys))) return false
    }
    return true
  }
}

/** The calls of one command. It is itself the caller of that command: none waits where none of its calls does. */
class Batch implements Caller {
  private calls: Array<JoinedCall> = []
  private length = 0
  private readonly number: number
  private isOpen = true

  constructor(
    readonly form: Form,
    private readonly script: RedisScript<unknown, unknown>,
    private readonly batch: NonNullable<RedisScript<unknown, unknown>["batch"]>,
    private readonly nameOf: (lua: string) => string,
    private readonly order: Order,
    private readonly onClose: (batch: Batch) => void
  ) {
    this.number = order.begin()
  }

  /** Takes no more calls from now on. */
  private close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.order.close()
    this.onClose(this)
  }

  /**
   * Adds a call, unless it belongs into another command: one with a key of this or a later command, or one that would make it
   * large.
   */
  join({ input, keys }: ScriptCall, onReply: OnReply<RedisReply>, caller: Caller | undefined): boolean {
    const length = this.batch.length?.(input) ?? 0
    const isFull = this.calls.length === maxCalls || (this.calls.length > 0 && this.length + length >= largeLength)
    if (isFull || !this.order.allows(keys, this.number, this.batch.sharesKeys === true)) return false
    this.order.note(keys, this.number)
    this.length += length
    this.calls.push({ input, onReply, caller })
    return true
  }

  unsafePoll(): ReturnType<Caller["unsafePoll"]> {
    if (this.calls.some(isWaiting)) return null
    this.close()
    return Exit.interrupt(FiberId.none)
  }

  /** The arguments of the command, which is sent now. Calls that nobody waits for are left out. */
  readonly arguments = (): ReadonlyArray<RedisArgument> => {
    this.close()
    this.calls = this.calls.filter(isWaiting)
    const { batch, calls, script } = this
    const [first] = calls
    const isOne = first !== undefined && calls.length === 1
    const inputs = calls.map(({ input }) => input)
    const keys = isOne ? script.keys(first.input) : batch.keys(inputs)
    const args = isOne ? script.args(first.input) : batch.args(inputs)
    return [this.nameOf(isOne ? script.lua : batch.lua), keys.length, ...keys, ...args]
  }

  /** Answers every call, also after the callback of one has thrown. */
  readonly onReply: OnReply<RedisReply> = (exit) => {
    this.close()
    const { calls } = this
    const replies =
      calls.length > 1 && Exit.isSuccess(exit) ? repliesOf(this.form, exit.value, calls.length) : undefined
    const thrown: Array<unknown> = []
    // by a callback, since the pairs of `entries` are two objects for each call
    calls.forEach((call, i) => {
      try {
        call.onReply(replies?.[i] ?? exit)
      } catch (defect) {
        thrown.push(defect)
      }
    })
    if (thrown.length > 0) throw thrown[0]
  }
}

/** The replies to the calls. A text in the place of one is an error reply. */
const repliesOf = (
  command: string,
  { generation, value }: WithGeneration<RedisReply>,
  count: number
): ReadonlyArray<Exit.Exit<WithGeneration<RedisReply>, RedisError>> => {
  if (!Array.isArray(value) || value.length !== count) {
    const failed = Exit.fail(new RedisProtocolError({ command, detail: "not one reply for each call of the script" }))
    return Array.from({ length: count }, () => failed)
  }
  return value.map((reply: RedisReply) =>
    typeof reply === "string" ? Exit.fail(fromServerReply(command, reply)) : Exit.succeed({ generation, value: reply })
  )
}

/** `nameOf` is what a command is sent with: the text of a script, or its hash. */
export const make = (
  { late, traced }: Pick<CommandQueue, "late" | "traced">,
  nameOf: (form: Form, lua: string) => string
): Send => {
  /** The batch that calls may join, of each script and group of calls. */
  const open = new WeakMap<object, Map<string, Batch>>()

  const order = new Order()

  const sendAlone: Send = (form, { input, keys, script }, onReply, caller) => {
    order.pass(keys)
    const args = [nameOf(form, script.lua), keys.length, ...keys, ...script.args(input)]
    late(form, () => args, onReply, caller, script.inOneGo)
  }

  return (form, call, onReply, caller) => {
    const { input, isAlone, script, slot } = call
    running.name = script.name
    const { batch } = script
    if (batch === undefined || isAlone) return sendAlone(form, call, onReply, caller)

    const group = slot === undefined ? batch.groupOf(input) : `${slot}:${batch.groupOf(input)}`
    const batches = open.get(script) ?? new Map<string, Batch>()
    open.set(script, batches)
    const present = batches.get(group)
    if (present?.form === form && present.join(call, traced(form, onReply), caller)) return
    const started = new Batch(
      form,
      script,
      batch,
      (lua) => nameOf(form, lua),
      order,
      (closed) => {
        if (batches.get(group) === closed) batches.delete(group)
      }
    )
    batches.set(group, started)
    started.join(call, onReply, caller)
    late(form, started.arguments, started.onReply, started, script.inOneGo)
  }
}
