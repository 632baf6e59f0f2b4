import { Redis } from "ioredis"
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible"

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379")
const limiter = new RateLimiterRedis({
  storeClient: redis,
  keyPrefix: "login",
  points: 5,
  duration: 60,
  blockDuration: 300,
  insuranceLimiter: new RateLimiterMemory({ points: 1, duration: 60 })
})

const logIn = async (user: string): Promise<string> => {
  try {
    const { remainingPoints } = await limiter.consume(user)
    return `${remainingPoints} left`
  } catch (rejection) {
    if (!(rejection instanceof RateLimiterRes)) throw rejection
    return `wait ${Math.ceil(rejection.msBeforeNext / 1000)} s`
  }
}

await limiter.delete("ada")
for (let i = 0; i < 6; i++) process.stdout.write(`${await logIn("ada")}\n`)
await limiter.delete("ada")
await redis.quit()
