/**
 * Corrects the OpenAPI document where several problems share a status. The platform omits their content type, and at
 * 400 describes its own decode error instead of a problem.
 *
 * @since 0.1.0
 */
import type * as OpenApi from "@effect/platform/OpenApi"
import * as Record from "effect/Record"

const decodeError = "#/components/schemas/HttpApiDecodeError"
const decodeErrorSchemas: ReadonlyArray<string> = ["HttpApiDecodeError", "Issue", "PropertyKey"]

const descriptions: Readonly<Record<string, string>> = {
  400: "The request does not have the form that is expected",
  429: "The client has sent too many requests, or may not do this again yet",
  503: "The database does not answer, or not so many readers at once"
}

const describeAlternatives = (response: OpenApi.OpenApiSpecResponse, status: string) => {
  const schema = response.content?.["application/json"]?.schema
  if (Number(status) < 400 || schema === undefined || !("anyOf" in schema)) return response
  return {
    description: descriptions[status] ?? response.description,
    content: {
      "application/problem+json": {
        schema: { anyOf: schema.anyOf.filter((each) => !("$ref" in each && each.$ref === decodeError)) }
      }
    }
  }
}

/**
 * Answers the document with problems at every status that several errors share.
 *
 * @since 0.1.0
 * @category conversions
 */
export const describeProblems = (spec: OpenApi.OpenAPISpec) => ({
  ...spec,
  paths: Record.map(spec.paths, (methods) =>
    Record.fromEntries(
      Object.entries(methods).map(([method, operation]) => [
        method,
        {
          ...operation,
          responses: Record.map(operation.responses, describeAlternatives)
        }
      ])
    )
  ),
  components: {
    ...spec.components,
    schemas: Record.filter(spec.components.schemas, (_, name) => !decodeErrorSchemas.includes(name))
  }
})
