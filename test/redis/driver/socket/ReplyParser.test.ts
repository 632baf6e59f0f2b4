import * as fc from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import { ErrorReply, type Parsed, ProtocolFault, ReplyParser } from "../../../../src/redis/driver/socket/ReplyParser.js"
import type { RedisReply } from "../../../../src/redis/RedisConnection.js"

interface Read {
  readonly replies: ReadonlyArray<Parsed>
  readonly pushes: ReadonlyArray<ReadonlyArray<RedisReply>>
}

/** What is read of chunks. */
const read = (chunks: ReadonlyArray<string | Uint8Array>, isBinary = false): Read => {
  const replies: Array<Parsed> = []
  const pushes: Array<ReadonlyArray<RedisReply>> = []
  const parser = new ReplyParser({
    onReply: (reply) => void replies.push(reply),
    onPush: (push) => void pushes.push(push),
    isBinary: () => isBinary
  })
  for (const chunk of chunks) parser.read(Buffer.from(chunk))
  return { replies, pushes }
}

const replyTo = (text: string): Parsed | undefined => read([text]).replies[0]

/** Bytes cut at these places. */
const cut = (bytes: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
}

/** A reply with its bytes in RESP3. */
interface Written {
  readonly bytes: string
  readonly reply: RedisReply
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

const simple = fc.oneof(
  fc.string({ unit: "binary" }).map((text): Written => ({ bytes: bulk(text), reply: text })),
  fc.maxSafeInteger().map((value): Written => ({ bytes: `:${value}\r\n`, reply: value === 0 ? 0 : value })),
  fc.double({ noNaN: true }).map(
    (value): Written => ({
      bytes: `,${value === Infinity ? "inf" : value === -Infinity ? "-inf" : value}\r\n`,
      reply: value + 0
    })
  ),
  fc.boolean().map((value): Written => ({ bytes: `#${value ? "t" : "f"}\r\n`, reply: value })),
  fc.constantFrom("_\r\n", "$-1\r\n", "*-1\r\n").map((bytes): Written => ({ bytes, reply: null })),
  fc.stringMatching(/^[ -~]*$/).map((text): Written => ({ bytes: `+${text}\r\n`, reply: text })),
  fc.string().map((text): Written => ({ bytes: `=${Buffer.byteLength(text) + 4}\r\ntxt:${text}\r\n`, reply: text }))
)

const { tree } = fc.letrec<{ tree: Written }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    simple,
    fc.tuple(fc.constantFrom("*", "~"), fc.array(tie("tree"), { maxLength: 4 })).map(
      ([type, elements]): Written => ({
        bytes: `${type}${elements.length}\r\n${elements.map(({ bytes }) => bytes).join("")}`,
        reply: elements.map(({ reply }) => reply)
      })
    ),
    fc.array(fc.tuple(fc.string(), tie("tree")), { maxLength: 3 }).map(
      (fields): Written => ({
        bytes: `%${fields.length}\r\n${fields.map(([field, { bytes }]) => bulk(field) + bytes).join("")}`,
        reply: Object.fromEntries(fields.map(([field, { reply }]) => [field, reply]))
      })
    )
  )
}))

describe("a parser of replies", () => {
  it("reads every reply of RESP3 however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 5 }), fc.array(fc.nat()), (written, places) => {
        const bytes = Buffer.from(written.map(({ bytes }) => bytes).join(""))
        expect(read(cut(bytes, places)).replies).toEqual(written.map(({ reply }) => reply))
      })
    )
  })

  it("reads byte by byte", () => {
    const bytes = Buffer.from(`*3\r\n${bulk("é")}%1\r\n+a\r\n:-12\r\n_\r\n-ERR no\r\n`)
    const { replies } = read(Array.from(bytes, (byte) => Uint8Array.of(byte)))
    expect(replies).toEqual([["é", { a: -12 }, null], new ErrorReply("ERR no")])
  })

  it("hands over the bytes of a text that is wanted as bytes, as a copy of its own", () => {
    const bytes = Uint8Array.of(0, 255, 13, 10, 128)
    const chunk = Buffer.concat([Buffer.from("$5\r\n"), bytes, Buffer.from("\r\n*1\r\n$1\r\nx\r\n")])
    const { replies } = read([chunk], true)
    expect(replies).toEqual([bytes, ["x"]])
    chunk.fill(7)
    expect(replies[0]).toEqual(bytes)
  })

  it("tells error replies from texts, also inside a list and as a text of any length", () => {
    expect(replyTo("-WRONGTYPE it is a list\r\n")).toEqual(new ErrorReply("WRONGTYPE it is a list"))
    expect(replyTo("!10\r\nERR a\r\nbcd\r\n")).toEqual(new ErrorReply("ERR a\r\nbc".padEnd(10, "d").slice(0, 10)))
    expect(replyTo("*2\r\n-ERR a\r\n+b\r\n")).toEqual([new ErrorReply("ERR a"), "b"])
  })

  it("hands over what the server sends of its own accord apart from replies, also between them", () => {
    const message = `>3\r\n${bulk("message")}${bulk("channel")}${bulk("text")}`
    expect(read([`+a\r\n${message}+b\r\n`])).toEqual({
      replies: ["a", "b"],
      pushes: [["message", "channel", "text"]]
    })
  })

  it("leaves out attributes, also inside a list", () => {
    expect(read(["|1\r\n+ttl\r\n:3\r\n+a\r\n*2\r\n|1\r\n+x\r\n*1\r\n:1\r\n+b\r\n+c\r\n"]).replies).toEqual([
      "a",
      ["b", "c"]
    ])
  })

  it("defines the field of a map whatever its name is", () => {
    const reply = replyTo("%1\r\n+__proto__\r\n:1\r\n")
    expect(Object.entries(reply ?? {})).toEqual([["__proto__", 1]])
  })

  it("reads a big number, and numbers that are infinite or none", () => {
    expect(read([",inf\r\n,-inf\r\n,nan\r\n(123456789012345678901\r\n,1e3\r\n"]).replies).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      123456789012345680000,
      1000
    ])
  })

  for (const [what, bytes] of [
    ["another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["another protocol without an end of line", "H"],
    ["the beginning of TLS", Uint8Array.of(21, 3, 3, 0, 2)],
    ["a length that is no number", "$x\r\n"],
    ["a length with a sign in it", "$1-\r\n"],
    ["an empty length", "*\r\n"],
    ["a length of a list that is no number", "*1e1x\r\n"],
    ["a length below -1", "*-2\r\n"],
    ["a text that is longer than its length", "$1\r\nabc"],
    ["a text of more bytes than any server stores", "$9999999999999\r\n"],
    ["lists without an end", "*1\r\n".repeat(200)],
    ["a line without an end", `+${"x".repeat(70_000)}`]
  ] as const) {
    it(`ends with a fault on ${what}`, () => {
      expect(() => read([bytes])).toThrow(ProtocolFault)
    })
  }
})
