/** What a dial says where the driver's own client says little: a second look finds the cause. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { RedisAddress, RedisTls } from "../../../src/redis/RedisConfig.js"
import { testWith } from "../../support/faults/FaultSuite.js"
import * as Listener from "../../support/faults/Listener.js"
import * as Certificates from "../../support/server/Certificates.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const secret = "hunter2"

/** How a dial fails that is never too late: it does not end where the cause is not found. */
const failure = (address: RedisAddress, subscribes = false) => {
  const { connect, connectSubscriber } = driverUnderTest.driver(
    { password: Redacted.make(secret), ...address },
    Number.POSITIVE_INFINITY
  )
  const dial = subscribes ? Effect.asVoid(connectSubscriber) : Effect.asVoid(connect)
  return Effect.map(Effect.flip(Effect.scoped(dial)), (error) => {
    expect(error.message).toContain(`127.0.0.1:${address.port}/0`)
    expect(error.message + JSON.stringify(error)).not.toContain(secret)
    return error
  })
}

describe("a dial", () => {
  it.scopedLive("of an HTTP server shows what it answers", () =>
    Effect.gen(function* () {
      const port = yield* Listener.answering(() => "HTTP/1.1 400 Bad\u0007 Request\r\ncontent-length: 0\r\n\r\n")
      const error = yield* failure({ port })
      expect(error).toMatchObject({ reason: "Protocol", detail: `it answers "HTTP/1.1 400 Bad· Request" to PING` })
    })
  )

  it.scopedLive("that is reset has ended, each time, and was not refused", () =>
    Effect.gen(function* () {
      const port = yield* Listener.make((socket) => socket.resetAndDestroy())
      for (const subscribes of [false, true, false]) {
        expect(yield* failure({ port }, subscribes)).toMatchObject({
          reason: "Closed",
          detail: "the connection is accepted and ended at once"
        })
      }
    })
  )

  it.scopedLive("with TLS of an HTTP server says that it speaks none", () =>
    Effect.gen(function* () {
      const port = yield* Listener.answering(() => "HTTP/1.1 400 Bad Request\r\n\r\n")
      const error = yield* failure({ port, tls: {} })
      expect(error).toMatchObject({ reason: "Tls", detail: expect.stringMatching(/^the server speaks no TLS/) })
    })
  )

  testWith()("with TLS of a plain port does not wait for its time: it says that the server speaks no TLS", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer.make({ password: secret })
      for (const subscribes of [false, true]) {
        const error = yield* failure({ port, tls: {} }, subscribes)
        expect(error).toMatchObject({ reason: "Tls" })
        expect(error.message).toMatch(/the server speaks no TLS: use redis:\/\//)
      }
    })
  )

  it.scopedLive("with TLS of a slow server that speaks it continues until its time is over", () =>
    Effect.gen(function* () {
      // the alert of a server that expects TLS and receives a text
      const alert = "\x15\x03\x01\x00\x02\x02\x46"
      const port = yield* Listener.answering((received) => (received.toString().startsWith("PING") ? alert : ""))
      const { connect } = driverUnderTest.driver({ port, tls: {} }, "1500 millis")
      expect(yield* Effect.flip(Effect.scoped(connect))).toMatchObject({ reason: "Timeout" })
    })
  )

  testWith("TLS beside a plain port")("with TLS says which certificate, file or name is wrong", () =>
    Effect.gen(function* () {
      const files = yield* Certificates.make
      const tlsPort = (clients: "yes" | "no") =>
        Effect.gen(function* () {
          const port = yield* RedisServer.freePort
          const keys = [
            "--tls-cert-file",
            files.certificate,
            "--tls-key-file",
            files.key,
            "--tls-ca-cert-file",
            files.ca
          ]
          yield* RedisServer.make({ args: ["--tls-port", `${port}`, "--tls-auth-clients", clients, ...keys] })
          return port
        })
      const port = yield* tlsPort("no")
      const cases: ReadonlyArray<readonly [port: number, tls: RedisTls, words: RegExp]> = [
        [port, {}, /no authority .* in REDIS_TLS_CA_FILE/],
        [port, { caFile: files.otherCa }, /no authority .* in REDIS_TLS_CA_FILE/],
        [port, { caFile: files.key }, /REDIS_TLS_CA_FILE holds no certificate in PEM/],
        [port, { caFile: `${files.ca}.gone` }, /REDIS_TLS_CA_FILE cannot be read/],
        [port, { caFile: files.ca, serverName: "elsewhere.example" }, /the server's certificate is for another host/],
        [yield* tlsPort("yes"), { caFile: files.ca }, /the server asks for a certificate .*REDIS_TLS_CERT_FILE/]
      ]
      for (const [port, tls, words] of cases) {
        const error = yield* failure({ port, tls })
        expect(error).toMatchObject({ reason: "Tls" })
        expect(error.message).toMatch(words)
      }
    })
  )
})
