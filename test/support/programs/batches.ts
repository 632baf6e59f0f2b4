/** A batch of a script's calls as a script of its own, whose model is that of the calls one after the other. */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../../src/redis/RedisScript.js"

export const batchOf = <Input, Output>(
  script: RedisScript.RedisScript<Input, Output>
): RedisScript.RedisScript<ReadonlyArray<Input>, unknown> => {
  const { batch, name } = script
  if (batch === undefined) throw new Error(`${name} has no batch`)
  // the arguments are asked for before each run, and only the calls know which of them are theirs
  let calls: ReadonlyArray<Input> = []
  return RedisScript.make({
    name: `a batch of ${name}`,
    lua: batch.lua,
    idempotent: script.idempotent,
    keys: batch.keys,
    args: (inputs: ReadonlyArray<Input>) => {
      calls = inputs
      return batch.args(inputs)
    },
    reply: Schema.Unknown,
    model: ({ call }) =>
      calls.map((input) => {
        try {
          return script.model({ keys: script.keys(input), args: script.args(input).map(String), call })
        } catch (error) {
          return String(error)
        }
      })
  })
}

/** Makes the replies of a batch comparable, each for itself. The texts of errors differ. */
export const eachOf =
  (comparable: (reply: unknown) => unknown = (reply) => reply) =>
  (replies: unknown): unknown =>
    Array.isArray(replies)
      ? replies.map((reply) => (typeof reply === "string" ? "an error" : comparable(reply)))
      : replies
