/** The text of the messages between processes. */
import { describe, expect, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as BusMessage from "../../../src/cache/invalidation/BusMessage.js"

const messages: ReadonlyArray<BusMessage.BusMessage> = [
  { from: "p", kind: "key", key: 'user:"1"' },
  { from: "p", kind: "ready", key: "user:ü" },
  { from: "p", kind: "tag", key: "home" },
  { from: "p", kind: "clear" }
]

describe("a message between processes", () => {
  it("decodes to what was encoded", () => {
    for (const message of messages) expect(BusMessage.decode(BusMessage.encode(message))).toEqual(Option.some(message))
  })

  it("does not decode from any other text", () => {
    for (const text of ["", "null", "{}", '{"from":"p"}', '{"from":"p","kind":"later"}', '{"kind":"clear"}']) {
      expect([text, BusMessage.decode(text)]).toEqual([text, Option.none()])
    }
  })

  it("shows its process at the start of its text", () => {
    const isOwn = BusMessage.isFrom("p")
    for (const message of messages) {
      expect(isOwn(BusMessage.encode(message))).toBe(true)
      expect(isOwn(BusMessage.encode({ ...message, from: "pp" }))).toBe(false)
    }
  })
})
