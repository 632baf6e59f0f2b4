import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Redis } from "ioredis"

interface Article {
  readonly id: number
  readonly title: string
}

const connection = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379")
const bento = new BentoCache({
  default: "articles",
  stores: {
    articles: bentostore({ ttl: "10m", grace: "1h", timeout: 0, prefix: "bento-articles" })
      .useL1Layer(memoryDriver({ maxItems: 10_000 }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }))
  }
})
const database = new Map([[7, { id: 7, title: "Snow" }]])

const getArticle = (id: number): Promise<Article> =>
  bento.getOrSet({
    key: `article:${id}`,
    tags: ["articles"],
    factory: () => {
      const article = database.get(id)
      if (article === undefined) throw new Error(`no article ${id}`)
      return article
    }
  })

process.stdout.write(`${(await getArticle(7)).title}\n`)
database.set(7, { id: 7, title: "Rain" })
await bento.delete({ key: "article:7" })
process.stdout.write(`${(await getArticle(7)).title}\n`)
await bento.deleteByTag({ tags: ["articles"] })
await bento.clear()
await bento.disconnectAll()
connection.disconnect()
