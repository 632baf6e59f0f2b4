/**
 * Scripts on what all processes know of the limits of a remote API. The key holds one text:
 * `<hold> <probe> <probing> <strikes>|<policy> <quota> <remaining> <reset> <window>|…`, with times in milliseconds of the server's clock.
 *
 * - Until `hold` nobody may call: the API has said so, by `429` or `Retry-After`.
 * - Afterwards, while `probing` is 1, one call at a time may go: `probe` is when its place is given to another one. Its response ends
 *   the probing, or begins the next hold.
 * - Of each policy `remaining` calls may go before `reset`. A window that is over begins anew with the whole quota where the length of
 *   the window is known. Otherwise the end of an exhausted window is a time of probing.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMillis, millis } from "../../redis/ServerTime.js"
import { luaFailure } from "../limit/LimitScript.js"

/**
 * What a response says of one policy of its API.
 *
 * @since 0.2.0
 * @category models
 */
export interface Policy {
  /** without spaces and bars */
  readonly name: string
  /** 0 where it is unknown */
  readonly quota: number
  readonly remaining: number
  readonly resetMillis: number
  /** 0 where it is unknown */
  readonly windowMillis: number
}

/**
 * The input of `reserve`.
 *
 * @since 0.2.0
 * @category models
 */
export interface ReserveInput {
  readonly key: string
  /** how long a probing call keeps its place without a response */
  readonly probeMillis: number
  /** when a call retries that waits for the response to a probing one */
  readonly pollMillis: number
  /** the time in milliseconds, for tests; the server's time when absent */
  readonly now?: number
}

/**
 * The input of `learn`.
 *
 * @since 0.2.0
 * @category models
 */
export interface LearnInput {
  readonly key: string
  /** the API rejected the call, answered it, or has not answered */
  readonly outcome: "limited" | "answered" | "unanswered"
  /** how long the API asks to wait; 0 where it does not say */
  readonly retryMillis: number
  /** the hold after a first rejection that does not say; doubled with each one that follows */
  readonly backoffMillis: number
  readonly longestMillis: number
  readonly policies: ReadonlyArray<Policy>
  /** the time in milliseconds, for tests; the server's time when absent */
  readonly now?: number
}

/**
 * Whether a call may go, the milliseconds until it should retry, and whether it is the one that probes.
 *
 * @since 0.2.0
 * @category models
 */
export type Reserved = readonly [granted: 0 | 1, waitMillis: number, isProbe: 0 | 1]

/** Resets of one window differ by as much: servers round them to seconds. */
const sameWindowMillis = 1_500
const mostStrikes = 30
/** how long strikes are remembered */
const keptLongerMillis = 60_000

const luaState = `${luaMillis}
local function whole(number)
  return string.format("%.0f", number)
end
local function read(key)
  local state = {hold = 0, probe = 0, probing = 0, strikes = 0, policies = {}}
  local text = redis.call("GET", key) or ""
  local hold, probe, probing, strikes, rest = string.match(text, "^(%d+) (%d+) (%d+) (%d+)(.*)$")
  if not hold then return state end
  state.hold, state.probe = tonumber(hold), tonumber(probe)
  state.probing, state.strikes = tonumber(probing), tonumber(strikes)
  for name, quota, remaining, reset, window in string.gmatch(rest, "|([^ |]+) (%d+) (%d+) (%d+) (%d+)") do
    table.insert(state.policies, {
      name = name, quota = tonumber(quota), remaining = tonumber(remaining), reset = tonumber(reset), window = tonumber(window)
    })
  end
  return state
end
local function write(key, state, now)
  local parts = {table.concat({whole(state.hold), whole(state.probe), whole(state.probing), whole(state.strikes)}, " ")}
  local last = math.max(state.hold, state.probe, now)
  for _, policy in ipairs(state.policies) do
    last = math.max(last, policy.reset)
    table.insert(parts, table.concat(
      {policy.name, whole(policy.quota), whole(policy.remaining), whole(policy.reset), whole(policy.window)}, " "))
  end
  redis.call("SET", key, table.concat(parts, "|"), "PX", whole(last - now + ${keptLongerMillis}))
end
`

interface Known extends Omit<Policy, "resetMillis" | "windowMillis"> {
  readonly reset: number
  readonly window: number
}

interface State {
  readonly hold: number
  readonly probe: number
  readonly probing: number
  readonly strikes: number
  readonly policies: ReadonlyArray<Known>
}

type Call = RedisScript.ScriptContext["call"]

const read = (call: Call, key: string): State => {
  const text = call("GET", key)
  const found = typeof text === "string" ? /^(\d+) (\d+) (\d+) (\d+)(.*)$/s.exec(text) : null
  const [hold = 0, probe = 0, probing = 0, strikes = 0] = found === null ? [] : found.slice(1, 5).map(Number)
  const policies = Array.from(
    (found?.[5] ?? "").matchAll(/\|([^ |]+) (\d+) (\d+) (\d+) (\d+)/g),
    ([, name = "", quota, remaining, reset, window]): Known => ({
      name,
      quota: Number(quota),
      remaining: Number(remaining),
      reset: Number(reset),
      window: Number(window)
    })
  )
  return { hold, probe, probing, strikes, policies }
}

const write = (call: Call, key: string, { hold, policies, probe, probing, strikes }: State, now: number): void => {
  const parts = policies.map(({ name, quota, remaining, reset, window }) =>
    [name, quota, remaining, reset, window].join(" ")
  )
  const last = Math.max(hold, probe, now, ...policies.map(({ reset }) => reset))
  call("SET", key, [[hold, probe, probing, strikes].join(" "), ...parts].join("|"), "PX", last - now + keptLongerMillis)
}

/**
 * A script whose model returns the type of its reply, so that it also decides without a server.
 *
 * @since 0.2.0
 * @category models
 */
export interface RemoteScript<Input, Reply extends RedisReply> extends RedisScript.RedisScript<Input, Reply> {
  readonly model: (context: RedisScript.ScriptContext) => Reply
}

const Reserved: Schema.Schema<Reserved> = Schema.Tuple(
  Schema.Literal(0, 1),
  Schema.NonNegativeInt,
  Schema.Literal(0, 1)
)

const modelled = <Input, Reply extends RedisReply>(
  model: (context: RedisScript.ScriptContext) => Reply,
  script: RedisScript.RedisScript<Input, Reply>
): RemoteScript<Input, Reply> => ({ ...script, model })

const reserveByModel = ({
  args: [given, probeMillis, pollMillis],
  call,
  keys: [key = ""]
}: RedisScript.ScriptContext): Reserved => {
  const now = millis({ call }, given)
  const state = read(call, key)
  if (state.hold > now) return [0, state.hold - now, 0]
  const probe = (policies: ReadonlyArray<Known>): Reserved => {
    write(call, key, { ...state, policies, probing: 1, probe: now + Number(probeMillis) }, now)
    return [1, 0, 1]
  }
  if (state.probing === 1) {
    return state.probe > now ? [0, Math.min(state.probe - now, Number(pollMillis)), 0] : probe(state.policies)
  }
  const policies = state.policies.flatMap((policy) => {
    if (policy.reset > now) return [policy]
    const { quota, window } = policy
    return window > 0 && quota > 0 ? [{ ...policy, remaining: quota, reset: now + window }] : []
  })
  const wait = Math.max(0, ...policies.map(({ remaining, reset }) => (remaining < 1 ? reset - now : 0)))
  if (wait > 0) return [0, wait, 0]
  const ended = state.policies.some(
    ({ quota, remaining, reset, window }) => reset <= now && remaining < 1 && !(window > 0 && quota > 0)
  )
  if (ended) return probe(policies)
  if (policies.length === 0) return [1, 0, 0]
  const taken = policies.map((policy) => ({ ...policy, remaining: policy.remaining - 1 }))
  write(call, key, { ...state, policies: taken }, now)
  return [1, 0, 0]
}

/**
 * Reserves a call of the remote API, if its limits allow one.
 *
 * @since 0.2.0
 * @category scripts
 */
export const reserve: RemoteScript<ReserveInput, Reserved> = modelled(
  reserveByModel,
  RedisScript.makeBatched({
    name: "remoteLimit.reserve",
    idempotent: false,
    groupOf: ({ pollMillis, probeMillis }: ReserveInput) => `${probeMillis} ${pollMillis}`,
    sharesKeys: true,
    keys: (inputs: ReadonlyArray<ReserveInput>) => inputs.map(({ key }) => key),
    args: ([first]: ReadonlyArray<ReserveInput>) => [first?.now ?? "", first?.probeMillis ?? 0, first?.pollMillis ?? 0],
    lua: `${luaState}${luaFailure}
local now = millis(ARGV[1])
local function reserve(key)
  local state = read(key)
  if state.hold > now then return {0, math.floor(state.hold - now), 0} end
  local function probe()
    state.probing, state.probe = 1, now + tonumber(ARGV[2])
    write(key, state, now)
    return {1, 0, 1}
  end
  if state.probing == 1 then
    if state.probe > now then return {0, math.floor(math.min(state.probe - now, tonumber(ARGV[3]))), 0} end
    return probe()
  end
  local wait, ended, policies = 0, false, {}
  for _, policy in ipairs(state.policies) do
    local isOver = policy.reset <= now
    if isOver and policy.window > 0 and policy.quota > 0 then
      policy.remaining, policy.reset, isOver = policy.quota, now + policy.window, false
    end
    if isOver then
      ended = ended or policy.remaining < 1
    else
      if policy.remaining < 1 then wait = math.max(wait, policy.reset - now) end
      table.insert(policies, policy)
    end
  end
  if wait > 0 then return {0, math.floor(wait), 0} end
  state.policies = policies
  if ended then return probe() end
  if #policies == 0 then return {1, 0, 0} end
  for _, policy in ipairs(policies) do policy.remaining = policy.remaining - 1 end
  write(key, state, now)
  return {1, 0, 0}
end
local replies = {}
for i, key in ipairs(KEYS) do
  local ok, reply = pcall(reserve, key)
  replies[i] = ok and reply or failure_of(reply)
end
return replies
`,
    reply: Reserved,
    model: reserveByModel
  })
)

const learnByModel = ({ args, call, keys: [key = ""] }: RedisScript.ScriptContext): number => {
  const now = millis({ call }, args[0])
  const [outcome, ...numbers] = args.slice(1, 5)
  const [retry = 0, backoff = 0, longest = 0] = numbers.map(Number)
  let { hold, policies, probe, probing, strikes } = read(call, key)
  if (outcome === "limited") {
    if (hold <= now) strikes = Math.min(strikes + 1, mostStrikes)
    const span = retry > 0 ? retry : backoff * 2 ** (Math.max(strikes, 1) - 1)
    hold = Math.max(hold, now + Math.floor(Math.min(span, longest)))
    probing = 1
    probe = 0
  } else if (outcome === "unanswered") {
    probe = 0
  } else if (hold <= now) {
    probing = 0
    probe = 0
    strikes = 0
  }
  for (let place = 5; place < args.length; place += 5) {
    const [name = "", ...rest] = args.slice(place, place + 5)
    const [quota = 0, remaining = 0, resetMillis = 0, window = 0] = rest.map(Number)
    const reset = now + resetMillis
    const known = policies.find((policy) => policy.name === name)
    const isSame = known !== undefined && known.reset > now && reset <= known.reset + sameWindowMillis
    const told = { name, quota, remaining: isSame ? Math.min(remaining, known.remaining) : remaining, reset, window }
    policies = known === undefined ? [...policies, told] : policies.map((policy) => (policy === known ? told : policy))
  }
  if (probing === 1 || policies.length > 0) write(call, key, { hold, policies, probe, probing, strikes }, now)
  else if (call("GET", key) !== null) call("DEL", key)
  return Math.max(hold - now, 0)
}

/**
 * Learns from the response to a call. Replies the milliseconds for which nobody may call.
 *
 * Of two responses in one window the smaller rest counts, since responses may arrive out of order, and other calls may have been
 * reserved meanwhile.
 *
 * @since 0.2.0
 * @category scripts
 */
export const learn: RemoteScript<LearnInput, number> = modelled(
  learnByModel,
  RedisScript.make({
    name: "remoteLimit.learn",
    idempotent: false,
    keys: ({ key }: LearnInput) => [key],
    args: ({ backoffMillis, longestMillis, now, outcome, policies, retryMillis }) => [
      now ?? "",
      outcome,
      retryMillis,
      backoffMillis,
      longestMillis,
      ...policies.flatMap(({ name, quota, remaining, resetMillis, windowMillis }) => [
        name,
        quota,
        remaining,
        resetMillis,
        windowMillis
      ])
    ],
    lua: `${luaState}
local now = millis(ARGV[1])
local outcome, retry, backoff, longest = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local state = read(KEYS[1])
if outcome == "limited" then
  if state.hold <= now then state.strikes = math.min(state.strikes + 1, ${mostStrikes}) end
  local span = retry
  if span <= 0 then span = backoff * 2 ^ (math.max(state.strikes, 1) - 1) end
  state.hold = math.max(state.hold, now + math.floor(math.min(span, longest)))
  state.probing, state.probe = 1, 0
elseif outcome == "unanswered" then
  state.probe = 0
elseif state.hold <= now then
  state.probing, state.probe, state.strikes = 0, 0, 0
end
for place = 6, #ARGV, 5 do
  local told = {
    name = ARGV[place], quota = tonumber(ARGV[place + 1]), remaining = tonumber(ARGV[place + 2]),
    reset = now + tonumber(ARGV[place + 3]), window = tonumber(ARGV[place + 4])
  }
  local found
  for i, policy in ipairs(state.policies) do if policy.name == told.name then found = i end end
  local known = found and state.policies[found]
  if known and known.reset > now and told.reset <= known.reset + ${sameWindowMillis} then
    told.remaining = math.min(told.remaining, known.remaining)
  end
  state.policies[found or #state.policies + 1] = told
end
if state.probing == 1 or #state.policies > 0 then
  write(KEYS[1], state, now)
elseif redis.call("GET", KEYS[1]) then
  redis.call("DEL", KEYS[1])
end
return math.floor(math.max(state.hold - now, 0))
`,
    reply: Schema.NonNegativeInt,
    model: learnByModel
  })
)
