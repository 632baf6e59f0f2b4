import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import * as RedisError from "../../src/redis/RedisError.js"

const megabyte = `ERR ${"x\r\n\u001b[31m".repeat(150_000)}`

const errors = [
  RedisError.fromServerReply("EVALSHA", megabyte),
  RedisError.fromServerReply("TIME", `NOPERM ${megabyte}`),
  new RedisError.RedisProtocolError({ command: "GET", detail: megabyte }),
  new RedisError.RedisConnectError({ reason: "Rejected", detail: megabyte }),
  new RedisError.RedisAuthError({ reason: "WrongPassword", detail: megabyte })
]

describe("an error", () => {
  for (const error of errors) {
    it(`holds one short line of a server's megabyte: ${error._tag}`, () => {
      for (const shown of [error.message, error.detail, String(error), JSON.stringify(error)]) {
        expect(shown.length).toBeLessThan(800)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: a server may not write to the terminal or begin a line
        expect(shown.split("\n")[0]).not.toMatch(/[\u0000-\u001f]/)
      }
      expect(Cause.pretty(Cause.fail(error)).length).toBeLessThan(6000)
      expect(error.detail).toContain("characters)")
    })
  }

  it("is bounded also where it comes from another process", () => {
    const decode = Schema.decodeUnknownSync(RedisError.RedisServerError)
    const decoded = decode({ _tag: "RedisServerError", command: "GET", code: "ERR", detail: megabyte })
    expect(decoded.detail.length).toBeLessThan(300)
  })

  it("keeps a reply of ordinary length as it is", () => {
    const reply = "WRONGTYPE Operation against a key holding the wrong kind of value"
    expect(RedisError.fromServerReply("INCR", reply).detail).toBe(reply)
  })

  it("names the address, once, and what to do", () => {
    const error = new RedisError.RedisConnectError({ reason: "Refused", address: "redis://cache:6379/0", detail: "" })
    expect(error.message).toBe(
      "nothing accepts connections there: check the host and port, and that the server runs (redis://cache:6379/0)"
    )
  })

  it("of a client that is off names each way to switch it off", () => {
    const { message } = new RedisError.RedisUnavailable({ reason: "Disabled" })
    for (const word of ["REDIS_ENABLED=false", "layerOff", "closed"]) expect(message).toContain(word)
  })
})
