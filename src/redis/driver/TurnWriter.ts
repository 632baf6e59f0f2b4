/**
 * Writes the commands of one turn to the socket together, since each write of a socket is a system call. Long ones are
 * written in pieces, so that `length` shows progress: a socket of Node does not show how much of one write has left.
 *
 * @internal
 */
import type { Writable } from "node:stream"

/** The longest piece that is written at once. */
const pieceLength = 65_536

export class TurnWriter {
  private text = ""
  /** what leaves before the text */
  private readonly chunks: Array<Buffer> = []
  private chunksLength = 0
  private isScheduled = false
  private isWriting = false

  constructor(private readonly stream: () => Pick<Writable, "write">) {}

  /** Bytes, or characters, that the socket does not have yet. */
  get length(): number {
    return this.text.length + this.chunksLength
  }

  write(data: string | Buffer): void {
    if (typeof data === "string") {
      this.text += data
    } else {
      this.pushText()
      this.push(data)
    }
    if (this.isScheduled) return
    this.isScheduled = true
    queueMicrotask(this.flush)
  }

  private push(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.chunksLength += chunk.length
  }

  private pushText(): void {
    if (this.text === "") return
    this.push(Buffer.from(this.text))
    this.text = ""
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    if (this.chunks.length === 0 && !this.isWriting && this.text.length <= pieceLength) {
      const { text } = this
      this.text = ""
      if (text !== "") this.stream().write(text)
      return
    }
    this.pushText()
    if (!this.isWriting) this.writePiece()
  }

  private readonly writePiece = (failure?: Error | null): void => {
    this.isWriting = false
    // the end of the connection settles its commands
    if (failure) this.takeAll()
    if (this.chunks.length === 0) return
    this.isWriting = true
    this.stream().write(this.takePiece(), this.writePiece)
  }

  private takeAll(): Array<Buffer> {
    this.chunksLength = 0
    return this.chunks.splice(0)
  }

  private takePiece(): Buffer {
    if (this.chunksLength <= pieceLength) return Buffer.concat(this.takeAll())
    let taken = 0
    let whole = 0
    for (const chunk of this.chunks) {
      if (taken + chunk.length > pieceLength) break
      taken += chunk.length
      whole++
    }
    const pieces = this.chunks.splice(0, whole)
    const [head] = this.chunks
    if (whole === 0 && head !== undefined) {
      pieces.push(head.subarray(0, pieceLength))
      this.chunks[0] = head.subarray(pieceLength)
      taken = pieceLength
    }
    this.chunksLength -= taken
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }
}
