/**
 * Completes the OpenAPI document that the platform makes of the contract.
 *
 * - It describes its own decode error at 400, where the server answers problems, and omits the content type where several errors share a
 *   status.
 * - It has the examples in schemas alone. Here they stand beside each request and response too.
 * - It does not know which errors the middleware answers, and which operations the middleware passes over.
 *
 * @since 0.1.0
 */
import type * as OpenApi from "@effect/platform/OpenApi"
import * as Record from "effect/Record"
import * as Problem from "./Problem.js"
import * as Rejections from "./Rejections.js"

const decodeErrorSchemas: ReadonlyArray<string> = ["HttpApiDecodeError", "Issue", "PropertyKey"]

const descriptions: Readonly<Record<string, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  400: "The request does not have the form that is expected",
  404: "There is nothing with this id",
  408: "The body takes too long to arrive",
  413: "The body is too large",
  415: "The body is not plain JSON",
  421: "The server is not called by this name",
  429: "The client has sent too many requests, or may not do this again yet",
  500: "The server has failed",
  503: "The database does not answer, or not so many readers at once"
}

const problemSchema = "Problem"

const problem = {
  type: "object",
  description: "A problem of RFC 9457 without a type of its own: the status says it all",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" }
  }
}

type Schemas = OpenApi.OpenAPIComponents["schemas"]
type Named = ReadonlyArray<readonly [name: string, schema: { readonly examples?: unknown }]>

const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1)

/** The schemas that a body may have, by their names. */
const alternativesOf = (schemas: Schemas, schema: object): Named => {
  if ("anyOf" in schema && Array.isArray(schema.anyOf)) {
    return schema.anyOf.flatMap((each: object) => alternativesOf(schemas, each))
  }
  if (!("$ref" in schema) || typeof schema.$ref !== "string") return [["example", schema]]
  const name = nameOf(schema.$ref)
  const named: object | undefined = schemas[name]
  if (named === undefined || decodeErrorSchemas.includes(name)) return []
  return "anyOf" in named ? alternativesOf(schemas, named) : [[name, named]]
}

const examplesOf = (alternatives: Named): Record<string, { readonly value: unknown }> =>
  Object.fromEntries(
    alternatives.flatMap(([name, { examples }]) =>
      Array.isArray(examples) ? examples.slice(0, 1).map((value: unknown) => [name, { value }] as const) : []
    )
  )

/** Adds the examples of the schemas to each content, by its type. */
const withExamples = (schemas: Schemas, content: object) =>
  Record.map(content as Readonly<Record<string, { readonly schema: object }>>, ({ schema }) => ({
    schema,
    examples: examplesOf(alternativesOf(schemas, schema))
  }))

const isProblem = (name: string, schemas: Schemas): boolean => JSON.stringify(schemas[name] ?? {}).includes('"_tag"')

/** A response with several problems gets their content type, and loses the decode error of the platform. */
const corrected = (schemas: Schemas, status: string, response: OpenApi.OpenApiSpecResponse) => {
  const schema = response.content?.["application/json"]?.schema
  if (Number(status) < 400 || schema === undefined || !("anyOf" in schema)) return response
  const members = schema.anyOf.filter((each) => !("$ref" in each && decodeErrorSchemas.includes(nameOf(each.$ref))))
  if (!members.some((each) => "$ref" in each && isProblem(nameOf(each.$ref), schemas))) return response
  return {
    description: descriptions[status] ?? response.description,
    content: { [Problem.contentType]: { schema: { anyOf: members } } }
  }
}

const rejected = (...rejections: ReadonlyArray<Parameters<typeof Problem.unnamed>[0]>) =>
  Object.fromEntries(
    rejections.map((rejection) => [
      rejection.status,
      {
        description: descriptions[rejection.status],
        content: {
          [Problem.contentType]: {
            schema: { $ref: `#/components/schemas/${problemSchema}` },
            examples: { [problemSchema]: { value: Problem.unnamed(rejection) } }
          }
        }
      }
    ])
  )

/** What the middleware answers to any request, and to one that may have a body. */
const ofAny = rejected(Rejections.misdirected, Rejections.defect)
const ofBodies = rejected(Rejections.tooSlow, Rejections.tooLarge, Rejections.notJson)

/** Errors of the whole API that an operation cannot meet. */
const unmet = (operation: OpenApi.OpenAPISpecOperation): ReadonlyArray<string> => {
  // health checks are not limited
  if (operation.tags?.includes("health")) return ["400", "429"]
  return operation.parameters.length === 0 && operation.requestBody === undefined ? ["400"] : []
}

const completed = (schemas: Schemas, method: string, operation: OpenApi.OpenAPISpecOperation) => {
  const { requestBody } = operation
  const dropped = unmet(operation)
  return {
    ...operation,
    ...(requestBody === undefined
      ? {}
      : { requestBody: { ...requestBody, content: withExamples(schemas, requestBody.content) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.responses)
          .filter(([status]) => !dropped.includes(status))
          .map(([status, response]) => {
            const { content, ...rest } = corrected(schemas, status, response)
            const described = Number(status) < 400 ? { ...rest, description: descriptions[status] } : rest
            return [
              status,
              content === undefined ? described : { ...described, content: withExamples(schemas, content) }
            ]
          })
      ),
      ...(method === "get" ? {} : ofBodies),
      ...ofAny
    }
  }
}

/**
 * The document with every error that the server answers, and an example of each request and response.
 *
 * @since 0.2.0
 * @category conversions
 */
export const document = (spec: OpenApi.OpenAPISpec) => {
  const { schemas } = spec.components
  return {
    ...spec,
    paths: Record.map(spec.paths, (methods) =>
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, completed(schemas, method, operation)])
      )
    ),
    components: {
      ...spec.components,
      schemas: {
        ...Record.filter(schemas, (_, name) => !decodeErrorSchemas.includes(name)),
        [problemSchema]: problem
      }
    }
  }
}
