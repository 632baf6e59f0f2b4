import { Redis } from "ioredis"

interface Article {
  readonly id: number
  readonly title: string
}

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379")
const database = new Map([[7, { id: 7, title: "Snow" }]])
let queries = 0

const getArticle = async (id: number): Promise<Article> => {
  const cached = await redis.get(`article:${id}`)
  if (cached !== null) return JSON.parse(cached) as Article
  queries++
  const article = database.get(id)
  if (article === undefined) throw new Error(`no article ${id}`)
  await redis.set(`article:${id}`, JSON.stringify(article), "EX", 600)
  return article
}

const rename = async (id: number, title: string): Promise<void> => {
  database.set(id, { id, title })
  await redis.del(`article:${id}`)
}

await redis.del("article:7")
await Promise.all(Array.from({ length: 100 }, () => getArticle(7)))
process.stdout.write(`100 readers of a cold article: ${queries} queries\n`)
await rename(7, "Rain")
process.stdout.write(`after a change: ${(await getArticle(7)).title}\n`)
await redis.quit()
