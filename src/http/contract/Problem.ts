/**
 * Encodes errors as `application/problem+json` (RFC 9457): errors of the contract as schemas, others as responses.
 *
 * @since 0.1.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Schema from "effect/Schema"
import * as String from "effect/String"

/**
 * The content type of a problem.
 *
 * @since 0.2.0
 * @category constants
 */
export const contentType = "application/problem+json"

/** The members that every problem has. */
const Details = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String
})

/**
 * The schema of an error whose wire form is a problem: the error's message becomes `detail`, its fields are extension
 * members. A contract that declares it tells servers what to send, clients what to decode and OpenAPI what to print.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromError = <A extends { readonly message: string }, I extends { readonly _tag: string }>(
  error: Schema.Schema<A, I>,
  options: {
    readonly status: number
    /** names the kind of problem: the type in kebab case, the schema in OpenAPI as written */
    readonly name: string
    /** describes the kind of problem; the same for every occurrence */
    readonly title: string
    /** for the OpenAPI document */
    readonly example: A
  }
) =>
  Schema.transform(Schema.extend(Details, Schema.encodedSchema(error)), error, {
    strict: true,
    decode: (problem) => problem,
    encode: (encoded, error) => ({
      type: `urn:problem-type:${String.pascalToSnake(options.name).replaceAll("_", "-")}`,
      title: options.title,
      status: options.status,
      detail: error.message,
      ...encoded
    })
  }).pipe(HttpApiSchema.withEncoding({ kind: "Json", contentType }), (schema) =>
    schema.annotations(
      HttpApiSchema.annotations({
        status: options.status,
        identifier: options.name,
        description: options.title,
        examples: [options.example]
      })
    )
  )

const titles = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  500: "Internal Server Error"
} as const

/**
 * A problem without a type of its own, as JSON: the status says it all.
 *
 * @since 0.2.0
 * @category constructors
 */
export const unnamed = ({ detail, status }: { readonly status: keyof typeof titles; readonly detail: string }) => ({
  type: "about:blank",
  title: titles[status],
  status,
  detail
})

/**
 * Answers a request that no endpoint of the contract matches.
 *
 * @since 0.1.0
 * @category constructors
 */
export const response = (status: keyof typeof titles, detail: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson(unnamed({ status, detail }), { status, contentType })
