/**
 * A client that records every allowed call in a list, in the same atomic step and with the time of the script. So the allowed
 * calls of a killed process are known too.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisClient } from "../../../../src/redis/RedisClient.js"
import type { RedisScript } from "../../../../src/redis/RedisScript.js"

export const listKey = "grants"

const recorded = <Input, Output>(script: RedisScript<Input, Output>): RedisScript<Input, Output> => ({
  ...script,
  keys: (input) => [...script.keys(input), listKey],
  lua: `
    local server = redis
    local time = server.call("TIME")
    local redis = {
      call = function(command, ...)
        if command == "TIME" then return time end
        return server.call(command, ...)
      end
    }
    local reply = (function() ${script.lua} end)()
    local function micros(of)
      return string.format("%.0f", tonumber(of[1]) * 1000000 + tonumber(of[2]))
    end
    if reply[1] == 1 then
      local ended = server.call("TIME")
      local entry = table.concat({ KEYS[1], micros(time), micros(ended), ARGV[1], reply[2], reply[3] }, " ")
      server.call("RPUSH", KEYS[2], entry)
    end
    return reply
  `
})

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
