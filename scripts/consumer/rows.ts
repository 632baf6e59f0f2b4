/**
 * A user's program that uses what the named packages are for, as the table of the README says. Each entry point is loaded only
 * where its packages are named.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** The packages of one row, without their versions. */
const packages = process.argv.slice(2).map((argument) => argument.replace(/(.)@.*/, "$1"))
const has = (name: string) => packages.includes(name)

const ioRedis = async () => {
  const { RedisClient } = await import("effect-cache-toolkit")
  const IoRedis = await import("effect-cache-toolkit/IoRedis")
  return RedisClient.RedisClient.pipe(
    Effect.flatMap((redis) => redis.set("rows", "stored")),
    Effect.as("a value is stored"),
    Effect.provide(IoRedis.layerConfig())
  )
}

const http = async () => {
  const { RateLimitMiddleware } = await import("effect-cache-toolkit/http")
  const { ResponseCache } = await import("effect-cache-toolkit/http-cache")
  return Effect.succeed(`${Object.keys(RateLimitMiddleware)} ${Object.keys(ResponseCache)}`)
}

const prometheus = async () => {
  const { Prometheus } = await import("effect-cache-toolkit/telemetry")
  return Effect.scoped(Effect.flatten(Prometheus.make({ serviceName: "rows" })))
}

const otlp = async () => {
  const { OpenTelemetry } = await import("effect-cache-toolkit/telemetry")
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:1"
  return Effect.succeed("a span ends").pipe(Effect.withSpan("row"), Effect.provide(OpenTelemetry.layer()))
}

const sqlite = async () => {
  const { Database } = await import("effect-cache-toolkit/game")
  const SqlDatabase = await import("effect-cache-toolkit/game/SqlDatabase")
  const user = { username: "ada", displayName: "Ada", email: "ada@example.com" }
  return Database.Database.pipe(
    Effect.flatMap((database) => Effect.flatMap(database.createUser(user), ({ id }) => database.getUser(id))),
    Effect.map((found) => `${JSON.stringify(found)} in SQLite`),
    Effect.provide(SqlDatabase.layer({ url: "sqlite::memory:" }))
  )
}

const postgres = async () => {
  const { Database } = await import("effect-cache-toolkit/game")
  const SqlDatabase = await import("effect-cache-toolkit/game/SqlDatabase")
  const error = await Effect.runPromise(
    Effect.flip(Effect.provide(Database.Database, SqlDatabase.layer({ url: "postgres://nobody@127.0.0.1:1/nothing" })))
  )
  if (!error.message.includes("ECONNREFUSED")) throw error
  return Effect.succeed("the driver dials Postgres")
}

const chosen = async (): Promise<Effect.Effect<string, unknown>> => {
  if (has("ioredis")) return ioRedis()
  if (has("@opentelemetry/exporter-prometheus")) return prometheus()
  if (has("@opentelemetry/exporter-trace-otlp-proto")) return otlp()
  if (has("@effect/sql-pg")) return postgres()
  if (has("@effect/sql")) return sqlite()
  if (has("@effect/platform")) return http()
  throw new Error(`no program for ${packages.join(" ")}`)
}

await Effect.runPromise(Effect.flatMap(await chosen(), Console.log))
