import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpServer from "@effect/platform/HttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as HandlerGroup from "../../../src/internal/effect/HandlerGroup.js"

const api = HttpApi.make("api").add(
  HttpApiGroup.make("group")
    .add(HttpApiEndpoint.get("first", "/first").addSuccess(Schema.String))
    .add(HttpApiEndpoint.get("second", "/second").addSuccess(Schema.String))
)

describe("the handlers of a group", () => {
  it("run in the wrapper, and answer as they would without it", async () => {
    const runs: Array<string> = []
    const announced = <A, E, R>(handled: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.ensuring(
        handled,
        Effect.sync(() => runs.push("wrapper"))
      )
    const group = HttpApiBuilder.group(api, "group", (handlers) =>
      HandlerGroup.wrap(
        handlers
          .handle("first", () => Effect.sync(() => `${runs.push("first")}`))
          .handle("second", () => Effect.sync(() => `${runs.push("second")}`)),
        announced
      )
    )
    const { dispose, handler } = HttpApiBuilder.toWebHandler(
      Layer.mergeAll(Layer.provide(HttpApiBuilder.api(api), group), HttpServer.layerContext)
    )
    const answers = []
    for (const path of ["first", "second"]) answers.push(await (await handler(new Request(`http://h/${path}`))).json())
    await dispose()
    expect(answers).toEqual(["1", "3"])
    expect(runs).toEqual(["first", "wrapper", "second", "wrapper"])
  })
})
