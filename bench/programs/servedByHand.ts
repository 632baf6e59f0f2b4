/**
 * A server that answers profiles as one would write it by hand: the runtime's own router and Redis client, and JSON.parse.
 * Nothing is validated, and no other headers are sent than those that the toolkit's server sends.
 */
const client = new Bun.RedisClient(process.env.REDIS_URL)
await client.connect()

const headers = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-status": "by-hand; hit; detail=redis"
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  routes: {
    "/api/users/:id/profile": async ({ params }) => {
      const text = await client.get(`by-hand:${params.id}`)
      if (text === null) return new Response("there is no such user", { status: 404 })
      const { createdAt, displayName, id, username } = JSON.parse(text)
      return Response.json({ id, username, displayName, createdAt }, { headers })
    }
  }
})

process.stdout.write(`listening on http://127.0.0.1:${server.port}\n`)
