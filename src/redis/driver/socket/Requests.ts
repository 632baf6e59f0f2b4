/**
 * Commands and their replies over one socket: replies come in the order of the commands.
 *
 * @internal
 */
import type { Socket } from "node:net"
import { Fifo } from "../../../internal/collection/Fifo.js"
import type { RedisArgument, RedisReply, ReplyReceiver } from "../../RedisConnection.js"
import { TurnWriter } from "../TurnWriter.js"
import * as CommandEncoder from "./CommandEncoder.js"
import { ErrorReply, type Parsed, ProtocolFault, ReplyParser } from "./ReplyParser.js"

/** The connection has ended before the reply. */
class ConnectionEnded extends Error {
  override readonly name = "ConnectionEnded"
}

export interface RequestsOptions {
  /** Takes a reply that answers no command, such as the message of a channel. Answers whether it was one. */
  readonly isMessage: (reply: Parsed) => boolean
  /** Takes what the server pushes by RESP3. */
  readonly onPush: (push: ReadonlyArray<RedisReply>) => void
  /** Runs when the socket has closed, after all commands have failed. */
  readonly onClosed: () => void
}

export class Requests {
  private readonly pending = new Fifo<ReplyReceiver>()
  /** those of them that want a text as bytes */
  private readonly binary = new Set<ReplyReceiver>()
  private readonly writer: TurnWriter
  private readonly parser: ReplyParser
  private hasEnded = false
  private error: unknown
  /** bytes that have arrived since the last reply */
  private arrived = 0

  constructor(
    private readonly socket: Socket,
    private readonly options: RequestsOptions
  ) {
    this.writer = new TurnWriter(() => socket)
    this.parser = new ReplyParser({
      onReply: (reply) => this.answer(reply),
      onPush: options.onPush,
      isBinary: () => {
        const next = this.binary.size === 0 ? undefined : this.pending.peek()
        return next !== undefined && this.binary.delete(next)
      }
    })
    socket.on("data", (chunk: Buffer) => this.read(chunk))
    socket.on("error", (error) => {
      this.error ??= error
    })
    socket.once("close", () => this.end())
  }

  /** What was wrong first with the socket, or with what came from it. */
  get firstError(): unknown {
    return this.error
  }

  /** Bytes that the socket has not taken yet, and those of a reply that still arrives. */
  get bufferedAmount(): number {
    return this.writer.length + this.socket.writableLength + this.arrived
  }

  send(command: string, args: ReadonlyArray<RedisArgument>, isBinary: boolean, receiver: ReplyReceiver): void {
    if (this.hasEnded) {
      receiver.onFailure(new ConnectionEnded())
      return
    }
    CommandEncoder.encode(command, args, this.write)
    this.pending.push(receiver)
    if (isBinary) this.binary.add(receiver)
  }

  private readonly write = (part: string | Buffer): void => this.writer.write(part)

  private read(chunk: Buffer): void {
    if (this.hasEnded) return
    this.arrived += chunk.length
    try {
      this.parser.read(chunk)
    } catch (fault) {
      this.giveUp(fault)
    }
  }

  private answer(reply: Parsed): void {
    this.arrived = 0
    if (this.options.isMessage(reply)) return
    const receiver = this.pending.shift()
    if (receiver === undefined) {
      // such as that of too many clients, which comes before any command
      this.giveUp(reply instanceof ErrorReply ? reply : new ProtocolFault("a reply to no command"))
    } else if (reply instanceof ErrorReply) receiver.onFailure(reply)
    else receiver.onReply(reply)
  }

  private giveUp(error: unknown): void {
    this.error ??= error
    this.socket.destroy()
    this.end()
  }

  private end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    for (const receiver of this.pending.takeAll()) receiver.onFailure(new ConnectionEnded())
    this.options.onClosed()
  }
}
