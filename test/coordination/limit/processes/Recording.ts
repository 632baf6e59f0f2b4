/**
 * A client that records every allowed call in a list, in the same atomic step and with the time of the script. So the allowed
 * calls of a killed process are known too.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisClient } from "../../../../src/redis/RedisClient.js"
import * as RedisScript from "../../../../src/redis/RedisScript.js"

export const listKey = "grants"

const recorded = <Input, Output>(
  script: RedisScript.RedisScript<Input, Output>
): RedisScript.RedisScript<Input, Output> => {
  const { batch } = script
  if (batch === undefined) throw new Error(`${script.name} has no batch`)
  return RedisScript.makeBatched({
    ...script,
    ...batch,
    keys: (inputs: ReadonlyArray<Input>) => [...batch.keys(inputs), listKey],
    lua: `
      local server = redis
      local time = server.call("TIME")
      local list = table.remove(KEYS)
      local redis = {
        call = function(command, ...)
          if command == "TIME" then return time end
          return server.call(command, ...)
        end,
        pcall = server.pcall
      }
      local replies = (function() ${batch.lua} end)()
      local function micros(of)
        return string.format("%.0f", tonumber(of[1]) * 1000000 + tonumber(of[2]))
      end
      local ended = server.call("TIME")
      for i, reply in ipairs(replies) do
        if reply[1] == 1 then
          local entry = table.concat({ KEYS[i], micros(time), micros(ended), ARGV[i + 4], reply[2], reply[3] }, " ")
          server.call("RPUSH", list, entry)
        end
      end
      return replies
    `
  })
}

export const layer = <E>(client: Layer.Layer<RedisClient, E>): Layer.Layer<RedisClient, E> =>
  Layer.effect(
    RedisClient,
    Effect.map(RedisClient, (client) =>
      RedisClient.of({
        ...client,
        run: (script) => client.run(script.name.endsWith(".consume") ? recorded(script) : script)
      })
    )
  ).pipe(Layer.provide(client))

export interface Grant {
  /** the key in Redis */
  readonly key: string
  /** what the script has seen, in microseconds of the server's clock */
  readonly at: number
  /** when it had ended: a server that others leave little time may be stopped in between */
  readonly ended: number
  readonly cost: number
  readonly remaining: number
  readonly reset: number
}

export const parse = (entry: string): Grant => {
  const [key = "", at, ended, cost, remaining, reset] = entry.split(" ")
  return {
    key,
    at: Number(at),
    ended: Number(ended),
    cost: Number(cost),
    remaining: Number(remaining),
    reset: Number(reset)
  }
}
