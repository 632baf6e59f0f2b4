/** A collector of OTLP: an HTTP server that keeps the spans that it receives as JSON, and counts what else arrives. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Value = Schema.Struct({
  stringValue: Schema.optional(Schema.String),
  boolValue: Schema.optional(Schema.Boolean),
  intValue: Schema.optional(Schema.Union(Schema.Number, Schema.String)),
  doubleValue: Schema.optional(Schema.Number)
})
const Attributes = Schema.optional(Schema.Array(Schema.Struct({ key: Schema.String, value: Value })))

const Received = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({ attributes: Attributes }),
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              traceId: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optional(Schema.String),
              name: Schema.String,
              kind: Schema.Number,
              attributes: Attributes,
              links: Schema.optional(Schema.Array(Schema.Struct({ traceId: Schema.String, spanId: Schema.String }))),
              status: Schema.optional(Schema.Struct({ code: Schema.optional(Schema.Number) }))
            })
          )
        })
      )
    })
  )
})

type Attribute = string | boolean | number | undefined

export interface Span {
  readonly traceId: string
  readonly id: string
  readonly parent: string | undefined
  readonly name: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly links: ReadonlyArray<string>
  readonly service: Attribute
  /** 2 is an error */
  readonly status: number | undefined
}

const record = (attributes: Schema.Schema.Type<typeof Attributes>): Readonly<Record<string, Attribute>> =>
  Object.fromEntries(
    (attributes ?? []).map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)
    ])
  )

export const make = Effect.gen(function* () {
  const bodies: Array<{ readonly path: string; readonly type: string | null; readonly text: string }> = []
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: async (request) => {
          const text = await request.text()
          bodies.push({ path: new URL(request.url).pathname, type: request.headers.get("content-type"), text })
          return Response.json({})
        }
      })
    ),
    (server) => Effect.promise(() => server.stop(true))
  )
  const spans = Effect.suspend(() =>
    Effect.forEach(
      bodies.filter(({ path, type }) => path === "/v1/traces" && type === "application/json"),
      ({ text }) => Schema.decode(Schema.parseJson(Received))(text)
    )
  ).pipe(
    Effect.map((received) =>
      received.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) =>
            spans.map(
              (span): Span => ({
                traceId: span.traceId,
                id: span.spanId,
                parent: span.parentSpanId,
                name: span.name,
                kind: span.kind,
                attributes: record(span.attributes),
                links: (span.links ?? []).map(({ spanId }) => spanId),
                service: record(resource.attributes)["service.name"],
                status: span.status?.code
              })
            )
          )
        )
      )
    ),
    Effect.orDie
  )
  return { url: `http://127.0.0.1:${server.port}`, bodies, spans }
})

/** Sets variables of the process, which OpenTelemetry's exporters read themselves, until the scope ends. */
export const variables = (values: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]))
      Object.assign(process.env, values)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const [name, value] of Object.entries(before)) {
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      })
  )
