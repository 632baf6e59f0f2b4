/** Runs a case on a cache: each step is one request of a client, and what the origin answers to it. */
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import * as HttpDate from "../../../../src/http/cache/rules/HttpDate.js"
import type { MovableClock } from "../../../support/MovableClock.js"
import type { Case, Header, Step } from "./Case.js"

export interface Message {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What the origin sees of a request. */
export interface OriginRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** How a cache reaches the origin of a test. */
export interface TestOrigin {
  /** the answer to a request; undefined: the connection breaks */
  readonly answer: (request: OriginRequest) => Message | undefined
}

/** Sends a request through the cache under test. */
export type Send = (request: {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
}) => Effect.Effect<Message>

const isEmpty = (status: number) => status === 204 || status === 304

const valueOf = (value: Header[1], now: number) =>
  typeof value === "number" ? HttpDate.format(now + value * 1000) : value

/** Lines of one name are one field, as both faces of the platform have it. */
const toHeaders = (headers: ReadonlyArray<Header>, now: number): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    const text = valueOf(value, now)
    fields[key] = fields[key] === undefined ? text : `${fields[key]}, ${text}`
  }
  return fields
}

const runStep = Effect.fnUntraced(function* (
  step: Step,
  id: string,
  send: Send,
  setOrigin: (origin: TestOrigin) => void,
  clock: MovableClock
) {
  const now = clock.unsafeCurrentTimeMillis()
  const received: Array<OriginRequest> = []
  const answer = step.answer ?? {}
  const isValidation = step.expect === "etag" || step.expect === "modified"
  setOrigin({
    answer: (request) => {
      received.push(request)
      if (answer === "close") return undefined
      const status = answer.status ?? (isValidation ? 304 : 200)
      const body = isEmpty(status) ? "" : (answer.body ?? id)
      return { status, headers: toHeaders(answer.headers ?? [], now), body }
    }
  })
  const response = yield* send({
    method: step.method ?? "GET",
    path: step.path ?? "/case",
    headers: toHeaders(step.send ?? [], now)
  })
  if (step.expect === "cached") expect(received, "requests to the origin").toEqual([])
  if (step.expect !== undefined && step.expect !== "cached") expect(received.length, "requests to the origin").toBe(1)
  if (step.expect === "etag") expect(received[0]?.headers["if-none-match"], "If-None-Match").toBeDefined()
  if (step.expect === "modified") expect(received[0]?.headers["if-modified-since"], "If-Modified-Since").toBeDefined()
  if (step.status !== undefined) expect(response.status, "status").toBe(step.status)
  if (isValidation && step.status === undefined) expect(response.status, "status").toBe(200)
  if (step.body !== undefined) expect(response.body, "body").toBe(step.body)
  for (const [name, value] of step.has ?? []) {
    expect(response.headers[name.toLowerCase()], name).toBe(valueOf(value, now))
  }
  for (const name of step.lacks ?? []) expect(response.headers[name.toLowerCase()], name).toBeUndefined()
  if (step.olderThan !== undefined) expect(Number(response.headers.age), "Age").toBeGreaterThan(step.olderThan)
  for (const [name, value] of step.forwards ?? []) {
    const forwarded = received[0]?.headers[name]
    if (value === "") expect(forwarded, name).toBeDefined()
    else expect(forwarded, name).toBe(value)
  }
  clock.move(step.wait ?? 3)
})

export const run = (
  { id, steps }: Case,
  send: Send,
  setOrigin: (origin: TestOrigin) => void,
  clock: MovableClock
): Effect.Effect<void> => Effect.forEach(steps, (step) => runStep(step, id, send, setOrigin, clock), { discard: true })
