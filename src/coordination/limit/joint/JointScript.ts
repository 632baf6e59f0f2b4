/**
 * Builds the script of several limits in one step: all of them allow a call and take its cost, or nothing is taken.
 *
 * It is made of the Lua and the models of the algorithms. A first run decides each limit with commands that only read. A second one
 * repeats what was decided: it takes the costs when all limits allow the call, and otherwise reads what remains.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../../redis/RedisConnection.js"
import * as RedisScript from "../../../redis/RedisScript.js"
import { micros } from "../../../redis/ServerTime.js"
import {
  type Consumed,
  contradiction,
  type Input,
  isConsumed,
  type LimitScripts,
  luaBlocked,
  luaTools
} from "../LimitScript.js"

/**
 * One call of several limits, whose states are in one slot.
 *
 * @since 0.2.0
 * @category models
 */
export interface JointInput {
  /** one for each algorithm of the script, in its order */
  readonly inputs: ReadonlyArray<Input>
  /** False decides without taking: another part of the same call was rejected. */
  readonly takes: boolean
}

/**
 * The decision of each limit, in order. Where one of them has rejected the call, those of the others say what remains.
 *
 * @since 0.2.0
 * @category models
 */
export type JointScript = RedisScript.RedisScript<JointInput, ReadonlyArray<Consumed>>

const reading: ReadonlySet<string> = new Set(["GET", "PTTL", "ZCARD", "ZCOUNT", "ZRANGE", "ZSCORE", "HGET", "TIME"])

/**
 * Decides several limits by their models at a time in microseconds.
 *
 * @since 0.2.0
 * @category utils
 */
export const decide = (
  limits: ReadonlyArray<{ readonly scripts: LimitScripts; readonly key: string; readonly input: Omit<Input, "key"> }>,
  takes: boolean,
  nowMicros: number,
  call: RedisScript.ScriptContext["call"]
): ReadonlyArray<Consumed> => {
  const dry: typeof call = (command, ...args) => (reading.has(command) ? call(command, ...args) : null)
  const contexts = limits.map(({ input: { burst, cost, limit, windowMillis }, key }) => ({
    keys: [key],
    args: [limit, windowMillis, burst, nowMicros, cost].map(String),
    call: dry
  }))
  const decided = limits.map(({ scripts }, i) => scripts.consume.model(contexts[i] ?? none))
  const isTaken = takes && decided.every(([allowed]) => allowed === 1)
  return decided.map((reply, i) => {
    const [scripts, context] = [limits[i]?.scripts, contexts[i]]
    if (scripts === undefined || context === undefined) return reply
    // a rejected call may be the first one since its window was shortened, and shortens what is stored
    return isTaken || reply[0] === 0
      ? scripts.consume.model({ ...context, call })
      : [1, ...scripts.peek.model(context), 0]
  })
}
const none: RedisScript.ScriptContext = { keys: [], args: [], call: () => null }

const numbersOf = ({ burst, limit, windowMillis }: Input) => [limit, windowMillis, burst]

/** The replies of a server are flat: four numbers for each limit. */
const replyOf = (count: number): Schema.Schema<ReadonlyArray<Consumed>, ReadonlyArray<number>> =>
  Schema.transform(
    Schema.Array(Schema.Number),
    Schema.Array(
      Schema.Tuple(Schema.Number, Schema.Number, Schema.Number, Schema.Number).pipe(
        Schema.filter(isConsumed, { message: () => contradiction })
      )
    ).pipe(Schema.itemsCount(count)),
    {
      strict: true,
      decode: (flat) =>
        Array.from({ length: Math.ceil(flat.length / 4) }, (_, i): readonly [number, number, number, number] => {
          const [allowed = -1, remaining = -1, reset = -1, retry = -1] = flat.slice(4 * i, 4 * i + 4)
          return [allowed, remaining, reset, retry]
        }),
      encode: (replies) => replies.flat()
    }
  )

// ARGV: the time, whether to take, three numbers of each limit, and of each call the costs
const luaOf = (algorithms: ReadonlyArray<LimitScripts>): string => {
  const distinct = Array.from(new Set(algorithms))
  return `${luaTools(1)}${luaBlocked}
local server = redis
local reading = {${Array.from(reading, (command) => `${command} = true`).join(", ")}}
local dry = {call = function(command, ...)
  if reading[command] then return server.call(command, ...) end
end}
local algorithms = {}
${distinct
  .map(
    ({ lua }, i) => `algorithms[${i + 1}] = function(redis, KEYS, cost, limit, window, burst, numbers, same, peeks)
${lua.read}
if peeks then ${lua.peek} end
${lua.consume}
end`
  )
  .join("\n")}
local limits = {${algorithms.map((scripts) => distinct.indexOf(scripts) + 1).join(", ")}}
local count = #limits
local takes = ARGV[2] == "1"
local function of(i, first, redis, peeks)
  local limit, window, burst = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local cost = tonumber(ARGV[2 + 3 * count + first + i])
  local numbers = ":" .. ARGV[3 * i] .. ":" .. ARGV[3 * i + 1]
  local same = "^(%d+):(%d+)" .. numbers .. "$"
  local key = KEYS[first + i]
  local ok, reply = pcall(algorithms[limits[i]], redis, {key}, cost, limit, window, burst, numbers, same, peeks)
  if ok then return reply end
  local left = blocked_micros(key)
  if not left then error(reply, 0) end
  return {0, 0, left, left}
end
local function decide(first)
  local decided, takes = {}, takes
  for i = 1, count do
    decided[i] = of(i, first, dry, false)
    takes = takes and decided[i][1] == 1
  end
  local flat = {}
  for i = 1, count do
    local reply = decided[i]
    -- a rejected call may be the first one since its window was shortened, and shortens what is stored
    if takes or reply[1] == 0 then
      reply = of(i, first, server, false)
    elseif reply[1] == 1 then
      local usage = of(i, first, dry, true)
      reply = {1, usage[1], usage[2], 0}
    end
    for part = 1, 4 do flat[4 * (i - 1) + part] = reply[part] end
  end
  return flat
end
local replies = {}
for call = 1, #KEYS / count do
  local ok, reply = pcall(decide, (call - 1) * count)
  replies[call] = ok and reply or failure_of(reply)
end
return replies
`
}

/**
 * Makes the script of limits of these algorithms, in this order.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (algorithms: ReadonlyArray<LimitScripts>): JointScript => {
  const keysOf = ({ inputs }: JointInput) => inputs.map(({ key, name }, i) => algorithms[i]?.keyOf(key, name) ?? key)
  return RedisScript.makeBatched({
    name: "rateLimiter.several.consume",
    idempotent: false,
    groupOf: ({ inputs, takes }: JointInput) => `${takes} ${inputs.flatMap(numbersOf).join(" ")}`,
    sharesKeys: true,
    keys: (calls: ReadonlyArray<JointInput>) => calls.flatMap(keysOf),
    args: (calls: ReadonlyArray<JointInput>) => {
      const [first] = calls
      return [
        first?.inputs[0]?.now ?? "",
        first?.takes === true ? 1 : 0,
        ...(first?.inputs.flatMap(numbersOf) ?? []),
        ...calls.flatMap(({ inputs }) => inputs.map(({ cost }) => cost))
      ]
    },
    lua: luaOf(algorithms),
    reply: replyOf(algorithms.length),
    model: ({ args, call, keys }): RedisReply => {
      const number = (place: number) => Number(args[place])
      return decide(
        algorithms.map((scripts, i) => ({
          scripts,
          key: keys[i] ?? "",
          input: {
            limit: number(2 + 3 * i),
            windowMillis: number(3 + 3 * i),
            burst: number(4 + 3 * i),
            cost: number(2 + 3 * algorithms.length + i)
          }
        })),
        args[1] === "1",
        micros({ call }, args[0]),
        call
      ).flat()
    }
  })
}
