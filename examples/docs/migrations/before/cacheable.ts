import KeyvRedis from "@keyv/redis"
import { Cacheable, KeyvCacheableMemory } from "cacheable"
import { Keyv } from "keyv"

interface Article {
  readonly id: number
  readonly title: string
}

const cache = new Cacheable({
  namespace: "articles",
  ttl: "10m",
  tags: true,
  primary: new Keyv({ store: new KeyvCacheableMemory({ lruSize: 10_000 }) }),
  secondary: new Keyv(new KeyvRedis(process.env.REDIS_URL ?? "redis://localhost:6379"))
})
const database = new Map([[7, { id: 7, title: "Snow" }]])

const getArticle = (id: number): Promise<Article | undefined> =>
  cache.getOrSet(
    `article:${id}`,
    async () => {
      const article = database.get(id)
      if (article === undefined) throw new Error(`no article ${id}`)
      return article
    },
    { throwErrors: "function" }
  )

await cache.delete("article:7")
process.stdout.write(`${(await getArticle(7))?.title}\n`)
database.set(7, { id: 7, title: "Rain" })
await cache.delete("article:7")
process.stdout.write(`${(await getArticle(7))?.title}\n`)
await cache.disconnect()
