import { Console, Duration, Effect } from "effect"

let queries = 0
/** A query of 100 ms. */
const findArticle = (id: number) =>
  Effect.sync(() => {
    queries++
    return { id, title: `Article ${id}`, author: id % 2 === 0 ? "Ada" : "Grace" }
  }).pipe(Effect.delay("100 millis"))

/** 200 readers of 10 articles, 20 at a time. */
const readers = Array.from({ length: 200 }, (_, reader) => reader % 10)

const program = Effect.gen(function* () {
  const [time] = yield* Effect.timed(Effect.forEach(readers, findArticle, { concurrency: 20 }))
  yield* Console.log(`${queries} queries, ${Math.round(Duration.toMillis(time))} ms`)
})

Effect.runPromise(program)
