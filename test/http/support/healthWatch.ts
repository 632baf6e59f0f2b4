/** A program of its own that asks a server for its health once after the other, and says of each answer its status and time. */
import * as http from "node:http"

const [port = "", token = ""] = (process.argv[2] ?? "").split(" ")
const agent = new http.Agent({ keepAlive: true })

const ask = () =>
  new Promise<string>((resolve) => {
    const options = { port: Number(port), host: "127.0.0.1", path: "/api/health/detailed", agent }
    http
      .get({ ...options, headers: { authorization: `Bearer ${token}` } }, (response) => {
        response.resume()
        response.on("end", () => resolve(String(response.statusCode)))
      })
      .on("error", () => resolve("lost"))
  })

while (true) {
  const started = performance.now()
  const status = await ask()
  process.stdout.write(`${status} ${performance.now() - started}\n`)
  await new Promise((resolve) => setTimeout(resolve, 10))
}
