/**
 * Corrects what OpenAPI says of status 400: the platform describes its own decode error there, the server answers a
 * problem instead.
 *
 * @since 0.1.0
 */
import type * as OpenApi from "@effect/platform/OpenApi"
import * as Record from "effect/Record"

const decodeError = "#/components/schemas/HttpApiDecodeError"
const decodeErrorSchemas: ReadonlyArray<string> = ["HttpApiDecodeError", "Issue", "PropertyKey"]

const describeBadRequest = (response: OpenApi.OpenApiSpecResponse) => {
  const schema = response.content?.["application/json"]?.schema
  const alternatives = schema !== undefined && "anyOf" in schema ? schema.anyOf : []
  return {
    description: "The request does not have the form that is expected",
    content: {
      "application/problem+json": {
        schema: { anyOf: alternatives.filter((each) => !("$ref" in each && each.$ref === decodeError)) }
      }
    }
  }
}

/**
 * The specification with a problem at every status 400.
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
          responses: Record.map(operation.responses, (response, status) =>
            status === "400" ? describeBadRequest(response) : response
          )
        }
      ])
    )
  ),
  components: {
    ...spec.components,
    schemas: Record.filter(spec.components.schemas, (_, name) => !decodeErrorSchemas.includes(name))
  }
})
