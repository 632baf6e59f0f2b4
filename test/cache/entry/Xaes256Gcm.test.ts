import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Xaes256Gcm from "../../../src/cache/entry/Xaes256Gcm.js"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe("XAES-256-GCM", () => {
  it("passes the test vectors of its specification, with and without a carry in the subkey", () => {
    const nonce = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWX")
    const sealed = (byte: number, associatedData: string) =>
      Xaes256Gcm.make(Buffer.alloc(32, byte))
        .seal([Buffer.from("XAES-"), Buffer.from("256-GCM")], associatedData, nonce)
        .toString("hex")
    const head = nonce.toString("hex")
    expect(sealed(1, "")).toBe(`${head}ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271`)
    expect(sealed(3, "c2sp.org/XAES-256-GCM")).toBe(`${head}986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d`)
  })

  it("opens only sealed bytes that are unchanged, with the same data and key", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array(), fc.string(), fc.nat(), (key, other, plain, data, at) => {
        const { open, seal } = Xaes256Gcm.make(key)
        const sealed = seal([plain], data)
        expect(open(sealed, data)).toEqual(Buffer.from(plain))
        expect(open(sealed, `${data}.`)).toBeUndefined()
        expect(open(sealed.subarray(0, at % sealed.length), data)).toBeUndefined()
        expect(open(sealed.subarray(1 + (at % sealed.length)), data)).toBeUndefined()
        const changed = Buffer.from(sealed)
        changed[at % sealed.length] = (changed[at % sealed.length] ?? 0) ^ (1 << (at % 8))
        expect(open(changed, data)).toBeUndefined()
        fc.pre(Buffer.compare(key, other) !== 0)
        expect(Xaes256Gcm.make(other).open(sealed, data)).toBeUndefined()
      })
    )
  })

  it("never seals to the same bytes twice", () => {
    const { seal } = Xaes256Gcm.make(Buffer.alloc(32))
    const texts = Array.from({ length: 100 }, () => seal([Buffer.from("text")], "").toString("hex"))
    expect(new Set(texts).size).toBe(100)
    expect(new Set(texts.map((text) => text.slice(0, 24))).size).toBe(100)
    expect(new Set(texts.map((text) => text.slice(24, 48))).size).toBe(100)
  })
})
