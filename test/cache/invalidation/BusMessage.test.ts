/** The text of the messages between processes. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as BusMessage from "../../../src/cache/invalidation/BusMessage.js"

/** What a message is: the reference of the parser. */
const Message = Schema.parseJson(
  Schema.Struct({
    from: Schema.String,
    kind: Schema.Literal("key", "ready", "tag", "clear"),
    key: Schema.optional(Schema.String)
  })
)

const decode = Schema.decodeUnknownOption(Message)

/** The messages of the lines, by the reference. */
const expected = (published: string): ReadonlyArray<BusMessage.BusMessage | undefined> =>
  published.split("\n").map((line) => Option.getOrUndefined(decode(line)))

const messagesOf = (published: string): ReadonlyArray<BusMessage.BusMessage | undefined> => {
  const heard: Array<BusMessage.BusMessage | undefined> = []
  BusMessage.forEach(published, (message) => heard.push(message))
  return heard
}

const messages: ReadonlyArray<BusMessage.BusMessage> = [
  { from: "p", kind: "key", key: 'user:"1"' },
  { from: "p", kind: "ready", key: "user:ü" },
  { from: "p", kind: "tag", key: "home" },
  { from: "p", kind: "clear" }
]

/** Texts with what JSON escapes, and what ends a text, a message or a line. */
const part = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(
    "p",
    "q",
    "",
    '"',
    "\\",
    '"}',
    '","kind":"key","key":"',
    "\n",
    "\u0000",
    "\u001f",
    "\u007f",
    "\ud800",
    "\u2028"
  )
)
const kind = fc.constantFrom<BusMessage.BusMessage["kind"]>("key", "ready", "tag", "clear")
const message = fc.record({ from: part, kind, key: fc.option(part, { nil: undefined }) })

/** Texts that look like messages, though nothing in them is escaped. */
const unescaped = fc
  .record({ from: part, kind: fc.oneof(kind, part), key: part })
  .map(({ from, key, kind }) => `{"from":"${from}","kind":"${kind}","key":"${key}"}`)

const otherJson = fc.oneof(
  fc.json({ maxDepth: 1 }),
  fc
    .record(
      {
        from: fc.oneof(part, fc.integer()),
        kind: fc.oneof(kind, fc.constant("later")),
        key: fc.oneof(part, fc.constant(null)),
        more: fc.integer()
      },
      { requiredKeys: [] }
    )
    .chain((value) => fc.constantFrom(JSON.stringify(value), JSON.stringify(value, null, 1).replaceAll("\n", " ")))
)

const whole = fc.oneof({ weight: 4, arbitrary: message.map(BusMessage.encode) }, unescaped, otherJson)

/** A text without some of its characters, or with some put into it. */
const damaged = fc
  .record({ text: whole, at: fc.nat(90), removed: fc.nat(3), put: fc.constantFrom("", " ", "\n", '"', "}", "\\", "x") })
  .map(({ at, put, removed, text }) => text.slice(0, at) + put + text.slice(at + removed))

const line = fc.oneof({ weight: 3, arbitrary: whole }, damaged)

describe("what processes publish", () => {
  it("is read as its schema decodes each line, whatever it holds", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), fc.constantFrom("\n", "\r\n", ""), (lines, separator) => {
        const published = lines.join(separator)
        expect(messagesOf(published)).toEqual(expected(published))
      }),
      { numRuns: 2_000 }
    )
  })

  it("is read as its schema decodes it, wherever it is cut off", () => {
    const published = messages.map(BusMessage.encode).join("\n")
    for (let length = 0; length <= published.length; length++) {
      const text = published.slice(0, length)
      expect([text, messagesOf(text)]).toEqual([text, expected(text)])
    }
  })

  it("is no message where a field is missing or has another type", () => {
    for (const text of ["", "null", "{}", '{"from":"p"}', '{"from":"p","kind":"later"}', '{"kind":"clear"}']) {
      expect([text, messagesOf(text)]).toEqual([text, [undefined]])
    }
  })
})

describe("a message between processes", () => {
  it("is read as it was encoded", () => {
    fc.assert(
      fc.property(message, (message) => {
        expect(messagesOf(BusMessage.encode(message))).toEqual([message])
      })
    )
  })

  it("is the same text from the encoder of its process", () => {
    fc.assert(
      fc.property(part, part, (from, key) => {
        const encoder = BusMessage.encoder(from)
        for (const kind of ["key", "ready", "tag"] as const) {
          expect(encoder[kind](key)).toBe(BusMessage.encode({ from, kind, key }))
        }
        expect(encoder.clear).toBe(BusMessage.encode({ from, kind: "clear" }))
      })
    )
  })

  it("shows its process at the start of its text", () => {
    const isOwn = BusMessage.isFrom("p")
    for (const message of messages) {
      expect(isOwn(BusMessage.encode(message))).toBe(true)
      expect(isOwn(BusMessage.encode({ ...message, from: "pp" }))).toBe(false)
    }
  })
})
