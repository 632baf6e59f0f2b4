/**
 * One generation: commands travel to the server in order, replies travel back in order, and either may be on its way
 * when the connection ends. A command that was on its way may still reach the server later.
 */
import type { Wait } from "../process/step.js"
import { type Client, type Command, Rejected, type Server, type Slot } from "./server.js"

/** The three outcomes of a command, the reply with the generation that it came from. */
export type Outcome<A> =
  | { readonly _tag: "Reply"; readonly value: A; readonly generation: string }
  | { readonly _tag: "Rejected" }
  | { readonly _tag: "Unavailable" }
  | { readonly _tag: "Unknown" }

/** A command on its way, whatever it answers. */
export interface AnyCall {
  readonly name: string
  readonly slot: Slot
  readonly isKeyless: boolean
  readonly hasDeadline: boolean
  /** the server that it reached has lost its slot */
  isMoved: boolean
  readonly token: string | undefined
  /** the task that sent it */
  readonly sender: object | undefined
  readonly apply: (server: Server) => void
  readonly deliver: () => void
  readonly giveUp: () => void
  readonly expire: () => void
  readonly reject: () => void
  readonly pending: () => boolean
  /** It is sent to another server. */
  readonly redirect: (generation: string) => void
  readonly fingerprint: () => string
}

export class Call<A> implements Wait, AnyCall {
  outcome: Outcome<A> | undefined
  isMoved = false
  private isRedirected = false
  private answer: Outcome<A> = { _tag: "Unknown" }
  private expired = false
  private rejectedLate = false

  constructor(
    private readonly command: Command<A>,
    private readonly client: Client,
    private generation: string,
    readonly sender: object | undefined
  ) {}

  get slot(): Slot {
    return this.command.key ?? "markers"
  }
  get isKeyless(): boolean {
    return this.command.isKeyless === true
  }
  get hasDeadline(): boolean {
    return this.command.hasDeadline === true
  }

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
    // a deadline by the clock of another server may be ahead
    if (this.expired && this.hasDeadline && !this.isRedirected && server.rules.has("setHasDeadline")) {
      this.rejectedLate = this.pending()
      return
    }
    try {
      this.answer = { _tag: "Reply", value: this.command.apply(server, this.client), generation: this.generation }
      if (this.command.changes === true) server.remember()
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
  readonly isTooLate = (): boolean => this.rejectedLate

  readonly reject = (): void => {
    this.outcome ??= { _tag: "Unavailable" }
  }

  readonly redirect = (generation: string): void => {
    this.isMoved = false
    this.isRedirected = true
    this.generation = generation
  }

  readonly fingerprint = (): string =>
    JSON.stringify([
      this.name,
      this.token,
      this.command.args,
      this.generation,
      this.outcome,
      this.answer,
      [this.expired, this.rejectedLate, this.isMoved, this.isRedirected]
    ])
}

export class Connection {
  readonly sent: Array<AnyCall> = []
  readonly answered: Array<AnyCall> = []

  constructor(readonly generation: number) {}

  private readonly remove = (call: AnyCall): void => {
    this.sent.splice(this.sent.indexOf(call), 1)
  }

  readonly reject = (call: AnyCall): void => {
    this.remove(call)
    call.reject()
  }

  readonly resend = (call: AnyCall): void => {
    this.remove(call)
    this.sent.push(call)
  }

  readonly fingerprint = (): unknown =>
    [this.sent, this.answered].map((calls) => calls.map((call) => call.fingerprint()))

  /** Ends it, and answers what had not reached the server. */
  readonly end = (): ReadonlyArray<AnyCall> => {
    for (const call of [...this.sent, ...this.answered]) call.giveUp()
    return this.sent
  }
}
