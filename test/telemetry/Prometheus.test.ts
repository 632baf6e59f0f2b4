import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import parse from "parse-prometheus-text-format"
import * as Prometheus from "../../src/telemetry/Prometheus.js"
import { root } from "../support/root.js"
import * as RedisServer from "../support/server/RedisServer.js"
import * as BusyProgram from "./support/BusyProgram.js"
import * as promtool from "./support/promtool.js"

const scrape = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Effect.promise(async () => {
    const port = address._tag === "TcpAddress" ? address.port : 0
    const response = await fetch(`http://127.0.0.1:${port}/metrics`)
    return { contentType: response.headers.get("content-type"), text: await response.text() }
  })
)

/** The answer of `GET /metrics` in a program that has used every part of the toolkit and has met an outage. */
const scraped = Effect.zipRight(BusyProgram.run, scrape).pipe(
  Effect.provide(
    HttpRouter.Default.serve().pipe(
      Layer.provide(Prometheus.layer({ serviceName: "busy" })),
      Layer.provideMerge(BunHttpServer.layer({ port: 0, hostname: "127.0.0.1" }))
    )
  ),
  Effect.scoped
)

const file = (path: string) => readFileSync(join(root, path), "utf8")

/** The metrics of the toolkit in an expression: one of these families, and not a label. */
const namesIn = (text: string): ReadonlyArray<string> =>
  Array.from(
    new Set(
      text.match(/\b(?:cache_|redis_client_|db_client_connection|db_client_operation|ratelimit_|lock_)\w+/g) ?? []
    )
  )

describe.skipIf(RedisServer.skipReason !== undefined)("GET /metrics", () => {
  let answer = { contentType: null as string | null, text: "" }
  beforeAll(async () => {
    answer = await Effect.runPromise(scraped)
  }, 30_000)

  const samples = (name: string) => parse(answer.text).find((family) => family.name === name)?.metrics ?? []
  const valueOf = (name: string, labels: Record<string, string>): number =>
    Number(
      samples(name).find((sample) => Object.entries(labels).every(([label, value]) => sample.labels?.[label] === value))
        ?.value ?? Number.NaN
    )
  /** Every name that a query may use: those of histograms have three. */
  const names = () =>
    parse(answer.text).flatMap(({ name, type }) =>
      type === "HISTOGRAM" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]
    )

  it("is text in the format of Prometheus, which a parser of another author reads", () => {
    expect(answer.contentType).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(valueOf("cache_gets_total", { cache: "busy", tier: "none", result: "miss" })).toBe(16)
    expect(valueOf("cache_gets_total", { cache: "busy", result: "degraded" })).toBe(1)
    expect(valueOf("cache_loads_total", { cache: "busy", result: "success" })).toBe(6)
    expect(valueOf("cache_loads_total", { cache: "busy", result: "failure" })).toBe(1)
    expect(valueOf("ratelimit_decisions_total", { result: "allowed", by: "redis" })).toBe(1)
    expect(valueOf("lock_acquisitions_total", { kind: "lock", result: "acquired" })).toBe(2)
    expect(valueOf("lock_acquisitions_total", { kind: "lock", result: "held" })).toBe(1)
    expect(valueOf("lock_losses_total", { kind: "lock", reason: "Gone" })).toBe(1)
    expect(answer.text).toContain('\nlock_hold_duration_seconds_count{kind="lock"} 2\n')
    expect(samples("target_info")).toMatchObject([{ labels: { service_name: "busy" } }])
  })

  it("counts every read once, so that the reads by result add up to the reads", () => {
    const reads = samples("cache_gets_total").filter(({ labels }) => labels?.cache === "busy")
    const total = reads.reduce((sum, { value }) => sum + Number(value), 0)
    // 15 at once, of 5 keys; then 5, one whose lookup fails, and one without Redis
    expect(total).toBe(22)
    expect(valueOf("cache_loads_saved_total", { cache: "busy" })).toBe(10)
  })

  it.skipIf(promtool.skipReason !== undefined)("is clean by promtool check metrics", async () => {
    expect(await promtool.run(["check", "metrics"], answer.text)).toBe("")
  })

  it("has neither a key nor a password in it", () => {
    expect(answer.text).not.toContain(BusyProgram.secret)
  })

  it("has every metric that the dashboard for Grafana queries", () => {
    const dashboard: {
      readonly panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }>
    } = JSON.parse(file("docs/monitoring/grafana.json"))
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    for (const expression of expressions) expect(namesIn(expression), expression).not.toEqual([])
    expect(names()).toEqual(expect.arrayContaining(expressions.flatMap(namesIn)))
  })

  it("has every metric that the alert rules query", () => {
    const rules = file("docs/monitoring/alerts.yml").replaceAll(/(?:summary|description):.*/g, "")
    expect(namesIn(rules).length).toBeGreaterThanOrEqual(8)
    expect(names()).toEqual(expect.arrayContaining([...namesIn(rules)]))
  })

  it.skipIf(promtool.skipReason !== undefined)("has alert rules that promtool check rules accepts", async () => {
    expect(await promtool.run(["check", "rules", join(root, "docs/monitoring/alerts.yml")])).toBe("")
  })
})
