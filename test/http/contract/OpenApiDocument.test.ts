/** The OpenAPI document against the contract, the middleware and the answers of a server. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AST } from "effect/SchemaAST"
import { CacheService } from "../../../src/game/CacheService.js"
import { Database } from "../../../src/game/Database.js"
import { PlayerService } from "../../../src/game/PlayerService.js"
import { Api } from "../../../src/http/contract/Api.js"
import { Authorization } from "../../../src/http/contract/Authorization.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { redis } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

interface Media {
  readonly schema: object
  readonly examples: Readonly<Record<string, { readonly value: unknown }>>
}
type Content = Readonly<Record<string, Media>>

interface Operation {
  readonly summary?: string
  readonly tags: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<{
    readonly name: string
    readonly in: string
    readonly description?: string
    readonly schema: { readonly examples?: ReadonlyArray<unknown> }
  }>
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly tags: ReadonlyArray<{ readonly name: string; readonly description?: string }>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const document = OpenApi.fromApi(Api) as unknown as Document

interface Declared {
  readonly method: string
  readonly path: string
  readonly isForHolder: boolean
  readonly payload: AST | undefined
  /** of the successes and the errors of the contract, by their statuses */
  readonly responses: ReadonlyMap<number, AST | undefined>
  readonly operation: Operation
}

const declared: Array<Declared> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, errors, middleware, payloads, successes }) => {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}")
    const method = endpoint.method
    const operation = document.paths[path]?.[method.toLowerCase()]
    if (operation === undefined) throw new Error(`the document lacks ${method} ${path}`)
    declared.push({
      method,
      path,
      isForHolder: Array.from(middleware, ({ key }) => key).includes(Authorization.key),
      operation,
      payload: Array.from(payloads.values()).at(0)?.ast,
      responses: new Map(
        [...successes, ...errors].map(([status, { ast }]) => [status, Option.getOrUndefined(ast)] as const)
      )
    })
  }
})

const isHealth = ({ path }: Declared): boolean => path.startsWith("/api/health")

/** The statuses that middleware answers to an operation, by what the operation has. */
const ofMiddleware = (each: Declared): ReadonlyArray<number> => [
  ...(each.isForHolder ? [401] : []),
  ...(each.operation.requestBody !== undefined || each.operation.parameters.length > 0 ? [400] : []),
  ...(each.method === "GET" ? [] : [408, 413, 415]),
  ...(isHealth(each) ? [] : [429]),
  421,
  500
]

/** The names of the schemas that a content may have; one without a name counts too. */
const alternatives = (schema: object): number =>
  "anyOf" in schema && Array.isArray(schema.anyOf) ? schema.anyOf.length : 1

const decodes = (ast: AST, value: unknown) =>
  expect(() => Schema.decodeUnknownSync(Schema.make<unknown, unknown, never>(ast))(value)).not.toThrow()

describe("the OpenAPI document", () => {
  it("describes each group", () => {
    expect(document.tags.length).toBeGreaterThan(5)
    for (const { description } of document.tags) expect(description).toMatch(/\w/)
  })

  for (const each of declared) {
    const { method, operation, path, payload, responses } = each
    describe(`of ${method} ${path}`, () => {
      it("has a summary, and a description and an example of each parameter", () => {
        expect(operation.summary).toMatch(/^.{5,120}$/)
        for (const { description, schema } of operation.parameters) {
          expect(description ?? "").toMatch(/\w/)
          expect(schema.examples ?? []).not.toEqual([])
        }
      })

      it("has an example of the request that the endpoint takes", () => {
        expect(operation.requestBody !== undefined).toBe(payload !== undefined && method !== "GET")
        if (payload === undefined || operation.requestBody === undefined) return
        const examples = Object.values(operation.requestBody.content["application/json"]?.examples ?? {})
        expect(examples.length).toBeGreaterThan(0)
        for (const { value } of examples) decodes(payload, value)
      })

      it("has an example of each answer, which decodes as that answer", () => {
        for (const [status, { content = {}, description }] of Object.entries(operation.responses)) {
          expect(description).toMatch(/\w/)
          for (const [type, { examples, schema }] of Object.entries(content)) {
            const values = Object.values(examples)
            expect([status, type, values.length]).toEqual([status, type, alternatives(schema)])
            const ast = responses.get(Number(status))
            for (const { value } of values) {
              if (type === "application/problem+json") {
                expect(value).toMatchObject({
                  status: Number(status),
                  title: expect.any(String),
                  detail: expect.stringMatching(/\w/)
                })
              }
              if (ast !== undefined) decodes(ast, value)
            }
          }
        }
      })

      it("has each status that the endpoint and the middleware answer, and no other", () => {
        const successes = Array.from(responses.keys()).filter((status) => status < 400)
        const errors = Array.from(responses.keys()).filter((status) => status >= 400 && ![400, 429].includes(status))
        const answered = new Set([...successes, ...errors, ...ofMiddleware(each)])
        expect(Object.keys(operation.responses).map(Number).sort()).toEqual(Array.from(answered).sort())
      })
    })
  }
})

/** An answer that the document must have, with the example's shape. */
const isDocumented = ({ method, operation, path }: Declared, answer: TestServer.Answer) => {
  const response = operation.responses[answer.status]
  expect([method, path, answer.status, response !== undefined]).toEqual([method, path, answer.status, true])
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? ""
  if (answer.text === "") return
  const examples = Object.values(response?.content?.[type]?.examples ?? {})
  const shapes = examples.map(({ value }) => Object.keys(value as object).sort())
  expect(shapes).toContainEqual(Object.keys(answer.json as object).sort())
}

const filled = ({ operation, path }: Declared): string =>
  path.replace(/\{(\w+)\}/g, (_, name) =>
    String(operation.parameters.find((parameter) => parameter.name === name)?.schema.examples?.[0])
  )

const exampleBody = ({ operation }: Declared): unknown =>
  Object.values(operation.requestBody?.content["application/json"]?.examples ?? {})[0]?.value

/** Services that die when they are called. */
const dying = Layer.mergeAll(
  Layer.mock(PlayerService, {}),
  Layer.mock(CacheService, {}),
  Layer.mock(Database, { ping: Effect.void }),
  redis()
)

describe("a server", () => {
  layer(TestServer.layer(dying))("answers with nothing but what the document has", (it) => {
    for (const each of declared) {
      const { method } = each
      const send = (headers: Record<string, string>, body?: string) =>
        Effect.tap(
          TestServer.request(method, filled(each), { headers, ...(body === undefined ? {} : { body }) }),
          (answer) => isDocumented(each, answer)
        )
      const json = { ...TestServer.asHolder, "content-type": "application/json" }
      it.effect(`to ${method} ${each.path}`, () =>
        Effect.gen(function* () {
          const statuses: Array<number> = []
          const note = (answer: TestServer.Answer) => statuses.push(answer.status)
          const log = yield* CapturedLog.make
          note(
            yield* Effect.provide(
              method === "GET" ? send({}) : send(json, JSON.stringify(exampleBody(each) ?? {})),
              log.layer
            )
          )
          note(yield* send({ host: "attacker.example" }))
          if (method !== "GET") {
            note(yield* send({}))
            note(yield* send({ ...json, "content-type": "text/plain" }, "text"))
            note(yield* send(json, JSON.stringify("x".repeat(70_000))))
            note(yield* send(json, "{"))
            expect(statuses).toEqual(expect.arrayContaining([401, 413, 415]))
          }
          expect(statuses).toContain(421)
        })
      )
    }
  })

  layer(TestServer.layer(dying, { HTTP_RATE_LIMIT: "1/3600" }))("over its limit answers as documented", (it) => {
    it.effect("to each operation but the health checks", () =>
      Effect.gen(function* () {
        yield* TestServer.get("/api/counters")
        for (const each of declared) {
          const answer = yield* TestServer.request(each.method, filled(each))
          if (isHealth(each)) expect(answer.status).not.toBe(429)
          else {
            expect([each.path, answer.status]).toEqual([each.path, 429])
            isDocumented(each, answer)
          }
        }
      })
    )
  })
})
