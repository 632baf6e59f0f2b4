import * as fc from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import * as CommandEncoder from "../../../../src/redis/driver/socket/CommandEncoder.js"
import type { RedisArgument } from "../../../../src/redis/RedisConnection.js"

const bytesOf = (command: string, args: ReadonlyArray<RedisArgument>): Buffer => {
  const parts: Array<Buffer> = []
  CommandEncoder.encode(command, args, (part) => void parts.push(Buffer.from(part)))
  return Buffer.concat(parts)
}

/** The texts of a command, by the rules of the protocol. */
const expected = (texts: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([
    Buffer.from(`*${texts.length}\r\n`),
    ...texts.flatMap((text) => [Buffer.from(`$${text.length}\r\n`), text, Buffer.from("\r\n")])
  ])

const argument: fc.Arbitrary<RedisArgument> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.uint8Array()
)

describe("an encoder of commands", () => {
  it("writes texts, numbers and bytes with their lengths in bytes", () => {
    fc.assert(
      fc.property(fc.constantFrom("SET", "EVALSHA", "é"), fc.array(argument), (command, args) => {
        const texts = [command, ...args].map((arg) =>
          typeof arg === "object" ? Buffer.from(arg) : Buffer.from(String(arg))
        )
        expect(bytesOf(command, args)).toEqual(expected(texts))
      })
    )
  })

  it("writes a part of a larger buffer", () => {
    const whole = Buffer.from("abcdef")
    expect(bytesOf("SET", [whole.subarray(2, 4)])).toEqual(Buffer.from("*2\r\n$3\r\nSET\r\n$2\r\ncd\r\n"))
  })
})
