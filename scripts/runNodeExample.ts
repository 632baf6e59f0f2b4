/**
 * Runs the built example on Node in the given folder against a redis-server, which is stopped and started again meanwhile.
 * Exits with 1 when a reply is not the expected one.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

const folder = process.argv[2]
if (folder === undefined) throw new Error("usage: bun scripts/runNodeExample.ts <folder of the built example>")

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  if (address === null || typeof address === "string") throw new Error("no free port")
  return address.port
}

const running = new Set<ChildProcess>()

/** A child process with its output, which `until` waits for. */
const start = (command: string, args: ReadonlyArray<string>, variables: Record<string, string> = {}) => {
  const child = spawn(command, args, { cwd: folder, env: { PATH: process.env.PATH, ...variables } })
  running.add(child)
  let output = ""
  const append = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on("data", append)
  child.stderr.on("data", append)
  const ended = once(child, "close").then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const match = pattern.exec(output)
      if (match !== null) return match[1] ?? ""
      if (child.exitCode !== null) throw new Error(`${command} has ended without ${pattern}:\n${output}`)
      await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), ended])
    }
  }
  const stop = (): Promise<number | null> => {
    child.kill("SIGTERM")
    return ended
  }
  return { output: () => output, stop, until }
}

const redisPort = await freePort()
const startRedis = async () => {
  const redis = start("redis-server", ["--port", `${redisPort}`, "--bind", "127.0.0.1", "--save", ""])
  await redis.until(/Ready to accept connections/)
  return redis
}

const expect = (what: string, actual: unknown, expected: unknown) => {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`)
  process.stdout.write(`${what}: ${actual}\n`)
}

const check = async () => {
  let redis = await startRedis()
  const app = start("node", ["dist/main.js"], { PORT: "0", REDIS_URL: `redis://127.0.0.1:${redisPort}` })
  const url = `${await app.until(/listens on (http:[/\d.:]+)/)}/cities/gothenburg`
  const request = async (method: string) => {
    const response = await fetch(url, { method, headers: { connection: "close" } })
    const body = (await response.json()) as { readonly source?: string; readonly visits?: number }
    return { ...body, status: response.status }
  }
  const source = async () => (await request("GET")).source

  expect("the first read", await source(), "Lookup")
  expect("the second read", await source(), "Redis")
  expect("a visit", (await request("POST")).status, 200)
  expect("a read after the visit", await source(), "Lookup")
  for (const count of [2, 3]) expect(`visit ${count}`, (await request("POST")).visits, count)
  expect("a fourth visit", (await request("POST")).status, 429)

  await redis.stop()
  expect("a read without Redis", await source(), "Degraded")
  // the process remembers a rejection for up to a second
  let status = 429
  while (status === 429) {
    await sleep(50)
    status = (await request("POST")).status
  }
  expect("a visit without Redis", status, 503)

  redis = await startRedis()
  while ((await source()) !== "Redis") await sleep(50)
  expect("a read after Redis is back", await source(), "Redis")

  expect("the exit code after SIGTERM", await app.stop(), 0)
  if (!app.output().includes("ended")) throw new Error(`no graceful end:\n${app.output()}`)
  await redis.stop()
}

const deadline = setTimeout(() => {
  process.stderr.write("the example on Node did not answer as expected within a minute\n")
  process.exit(1)
}, 60_000)
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})
await check()
clearTimeout(deadline)
