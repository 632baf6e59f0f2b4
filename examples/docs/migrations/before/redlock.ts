import { Redis } from "ioredis"
import Redlock from "redlock"

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379")
// the types of redlock 4 are of an older ioredis
const client = redis as unknown as Redlock.CompatibleRedisClient
const redlock = new Redlock([client], { retryCount: 25, retryDelay: 200, retryJitter: 100 })

let balance = 0
const add = async (amount: number): Promise<void> => {
  const lock = await redlock.lock("locks:account:7", 10_000)
  try {
    const before = balance
    await new Promise((resolve) => setTimeout(resolve, 20))
    balance = before + amount
  } finally {
    await lock.unlock()
  }
}

await Promise.all([add(1), add(2), add(3)])
process.stdout.write(`${balance}\n`)
await redis.quit()
