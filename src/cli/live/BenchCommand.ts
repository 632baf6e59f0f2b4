/**
 * `effect-cache bench`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { usage } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Measurement from "./Measurement.js"

const options = {
  samples: Options.integer("samples").pipe(
    Options.withDefault(1000),
    Options.withDescription("Measure each operation so often, one after the other, and four times as often at once.")
  ),
  concurrency: Options.integer("concurrency").pipe(
    Options.withDefault(64),
    Options.withDescription("Run so many at once for the throughput.")
  ),
  valueBytes: Options.integer("value-bytes").pipe(
    Options.withDefault(256),
    Options.withDescription("The size of the values.")
  ),
  json: Screen.json
}

const head = ["OPERATION", "P50 MS", "P99 MS", "MAX MS", "PER SECOND", "TIMES PING"]

const rowOf = ({ besidePing, max, operation, p50, p99, perSecond }: Measurement.Measured): ReadonlyArray<string> => [
  operation,
  p50.toFixed(3),
  p99.toFixed(3),
  max.toFixed(3),
  `${perSecond}`,
  besidePing.toFixed(1)
]

export const command = Command.make("bench", options, ({ json, ...given }) =>
  Effect.gen(function* () {
    if (Object.values(given).some((number) => number < 1)) {
      return yield* usage("--samples, --concurrency and --value-bytes are at least 1")
    }
    const measured = yield* Connection.provide()(Measurement.all(given))
    yield* Screen.print(json, {
      lines: [
        ...Screen.table([head, ...measured.map(rowOf)]),
        "",
        `latency of ${given.samples} calls one after the other; throughput with ${given.concurrency} at once; values of ${given.valueBytes} bytes`
      ],
      data: { ...given, measured }
    })
  })
).pipe(
  Command.withDescription(
    "Measure your own server: latency and throughput of what the toolkit sends, beside PING. It writes keys of its own, and deletes them."
  )
)
