/**
 * The resource of exported telemetry, by the variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
 *
 * @internal
 */
import * as Resource from "@effect/opentelemetry/Resource"
import { resourceFromAttributes } from "@opentelemetry/resources"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const serviceName = "service.name"

/** The variables name the service; `fallback` does where they do not. */
export const layer = (fallback: string | undefined): Layer.Layer<Resource.Resource> =>
  Layer.effect(
    Resource.Resource,
    Effect.map(Resource.Resource, (resource) =>
      resource.attributes[serviceName] === undefined
        ? resource.merge(resourceFromAttributes({ [serviceName]: fallback ?? "unknown_service" }))
        : resource
    )
  ).pipe(Layer.provide(Resource.layerFromEnv()))
