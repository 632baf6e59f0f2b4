/**
 * One generation: commands travel to the server in order, replies travel back in order, and either may be on its way
 * when the connection ends. A command that was on its way may still reach the server later.
 */
import { type Client, type Command, Rejected, type Server } from "./server.js"
import type { Wait } from "./step.js"

/** The three outcomes of a command, the reply with the generation that it came from. */
export type Outcome<A> =
  | { readonly _tag: "Reply"; readonly value: A; readonly generation: number }
  | { readonly _tag: "Rejected" }
  | { readonly _tag: "Unavailable" }
  | { readonly _tag: "Unknown" }

/** A command on its way, whatever it answers. */
export interface AnyCall {
  readonly name: string
  readonly token: string | undefined
  /** the task that sent it */
  readonly sender: object | undefined
  readonly apply: (server: Server) => void
  readonly deliver: () => void
  readonly giveUp: () => void
  readonly expire: () => void
  readonly refuse: () => void
  readonly pending: () => boolean
}

export class Call<A> implements Wait, AnyCall {
  outcome: Outcome<A> | undefined
  private answer: Outcome<A> = { _tag: "Unknown" }
  private expired = false
  private refusedLate = false

  constructor(
    private readonly command: Command<A>,
    private readonly client: Client,
    private readonly generation: number,
    readonly sender: object | undefined
  ) {}

  get what(): string {
    return this.name
  }
  get name(): string {
    return `${this.command.name}${this.command.key === undefined ? "" : ` ${this.command.key}`}`
  }
  get token(): string | undefined {
    return this.command.token
  }

  readonly ready = (): boolean => this.outcome !== undefined
  readonly pending = (): boolean => this.outcome === undefined

  readonly apply = (server: Server): void => {
    if (this.expired && this.command.hasDeadline === true && server.rules.has("setHasDeadline")) {
      this.refusedLate = this.pending()
      return
    }
    try {
      this.answer = { _tag: "Reply", value: this.command.apply(server, this.client), generation: this.generation }
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      this.answer = { _tag: "Rejected" }
    }
  }

  readonly deliver = (): void => {
    this.outcome ??= this.answer
  }

  /** A timeout, the end of the connection, or the end of the caller. */
  readonly giveUp = (): void => {
    this.outcome ??= { _tag: "Unknown" }
  }

  /** Its deadline, if it has one, has passed. */
  readonly expire = (): void => {
    this.expired = true
  }

  readonly isExpired = (): boolean => this.expired

  /** Its deadline had passed when it arrived, and its caller waited for it all the same. */
  readonly isTooLate = (): boolean => this.refusedLate

  readonly refuse = (): void => {
    this.outcome ??= { _tag: "Unavailable" }
  }
}

export class Connection {
  readonly sent: Array<AnyCall> = []
  readonly answered: Array<AnyCall> = []

  constructor(readonly generation: number) {}

  private readonly remove = (call: AnyCall): void => {
    this.sent.splice(this.sent.indexOf(call), 1)
  }

  readonly refuse = (call: AnyCall): void => {
    this.remove(call)
    call.refuse()
  }

  readonly resend = (call: AnyCall): void => {
    this.remove(call)
    this.sent.push(call)
  }

  /** Ends it, and answers what had not reached the server. */
  readonly end = (): ReadonlyArray<AnyCall> => {
    for (const call of [...this.sent, ...this.answered]) call.giveUp()
    return this.sent
  }
}

/** What a subscription delivers. `number` counts them, so that it can be said up to where a process has heard. */
export type BusEvent<M> =
  | { readonly _tag: "Message"; readonly number: number; readonly message: M }
  | { readonly _tag: "Gap"; readonly number: number }

export class Subscription<M> {
  connected = true
  count = 0
  heard = 0
  inbox: Array<BusEvent<M>> = []

  readonly push = (message: M): void => {
    if (this.connected) this.inbox.push({ _tag: "Message", number: ++this.count, message })
  }
  readonly end = (): void => {
    this.connected = false
    this.inbox = []
  }
  readonly resubscribe = (): void => {
    this.connected = true
    this.inbox.push({ _tag: "Gap", number: ++this.count })
  }
  /** The number of the event by which everything published so far has been heard of. */
  readonly horizon = (): number => (this.connected ? this.count : this.count + 1)
}
