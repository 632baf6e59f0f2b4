/**
 * A schema of its own on the Postgres that `TEST_POSTGRES_URL` names, dropped with the scope.
 */
import * as Effect from "effect/Effect"

const server = process.env.TEST_POSTGRES_URL

/** Why tests against Postgres cannot run here: undefined when they can. */
export const skipReason: string | undefined = server === undefined ? "TEST_POSTGRES_URL is not set" : undefined

/** The rows of one statement on a connection of its own, outside of the code under test. */
export const send = (statement: string): Effect.Effect<ReadonlyArray<unknown>> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Bun.SQL(server ?? "", { max: 1 })),
    (sql) => Effect.promise(() => sql.unsafe(statement)),
    (sql) => Effect.promise(() => sql.close())
  )

/** The name of the schema of a URL, and of its connections: a test looks at no others, and cuts no others. */
export const nameOf = (url: string): string => new URL(url).searchParams.get("application_name") ?? ""

/** The URL under which every table is the schema's. */
export const make = Effect.gen(function* () {
  const schema = `test_${crypto.randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(send(`CREATE SCHEMA ${schema}`), () => send(`DROP SCHEMA ${schema} CASCADE`))
  const url = new URL(server ?? "")
  url.searchParams.set("options", `-csearch_path=${schema}`)
  url.searchParams.set("application_name", schema)
  return url.href
})
