/**
 * Puts a prefix before every key, channel and pattern of an executor. Callers see neither the prefix nor what others keep
 * under theirs.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { RedisExecutor, RedisNode, RedisNodes, SubscriptionEvent } from "../RedisExecutor.js"
import * as RedisKey from "../RedisKey.js"
import type { RedisScript } from "../RedisScript.js"
import * as KeyPrefix from "./KeyPrefix.js"
import * as PrefixedCommand from "./PrefixedCommand.js"

const commandWith =
  (prefix: KeyPrefix.KeyPrefix, send: RedisExecutor["command"]): RedisExecutor["command"] =>
  (command, args, options) => {
    const found = PrefixedCommand.of(prefix, command.toUpperCase(), args)
    if (Either.isLeft(found)) return Effect.fail(found.left)
    const { args: sent, reply } = found.right
    const answer = send(command, sent, options)
    return reply === undefined
      ? answer
      : Effect.map(answer, ({ generation, value }) => ({ generation, value: reply(value) }))
  }

/** Scripts with the prefix on their keys. One for each script, since what is known of a script is kept by its identity. */
const scriptsWith = ({ key }: KeyPrefix.KeyPrefix) => {
  const made = new WeakMap<object, unknown>()
  return <Input, Output>(script: RedisScript<Input, Output>): RedisScript<Input, Output> => {
    const known = made.get(script)
    // the map holds for each script the same script with the prefix, of the same types
    if (known !== undefined) return known as RedisScript<Input, Output>
    const { batch } = script
    const prefixed: RedisScript<Input, Output> = {
      ...script,
      keys: (input) => script.keys(input).map(key),
      batch: batch === undefined ? undefined : { ...batch, keys: (inputs) => batch.keys(inputs).map(key) }
    }
    made.set(script, prefixed)
    return prefixed
  }
}

/** The executor itself where there is no prefix, which then costs nothing. Throws an `InvalidOption` for a wrong prefix. */
export const make = (executor: RedisExecutor, keyPrefix: string | undefined): RedisExecutor => {
  if (keyPrefix === undefined || keyPrefix === "") return executor
  const problem = RedisKey.prefixProblem(keyPrefix)
  if (problem !== undefined) OptionCheck.make("Redis client").reject("keyPrefix", keyPrefix, problem)
  const prefix = KeyPrefix.make(keyPrefix)
  const scriptOf = scriptsWith(prefix)

  const known = new WeakMap<RedisNode, RedisNode>()
  /** One for each node, so that nodes can be compared by their identity. */
  const nodeOf = (node: RedisNode): RedisNode => {
    const prefixed = known.get(node) ?? { ...node, command: commandWith(prefix, node.command) }
    known.set(node, prefixed)
    return prefixed
  }
  const nodesWith = ({ changes, current, moveOf, moves, of }: RedisNodes): RedisNodes => ({
    of: (key) => nodeOf(of(prefix.key(key))),
    moveOf: (key) => moveOf(prefix.key(key)),
    moves,
    current: () => current().map(nodeOf),
    changes: Stream.map(changes, (nodes) => nodes.map(nodeOf))
  })

  const { track } = executor

  return {
    ...executor,
    keyPrefix,
    get: (key) => executor.get(prefix.key(key)),
    getBuffer: (key) => executor.getBuffer(prefix.key(key)),
    command: commandWith(prefix, executor.command),
    unsafeMget: (keys, onReply) => executor.unsafeMget(() => keys().map(prefix.key), onReply),
    script: (script, input) => executor.script(scriptOf(script), input),
    unsafeScript: (script, input, onReply) => executor.unsafeScript(scriptOf(script), input, onReply),
    subscribe: (channel) =>
      Stream.map(executor.subscribe(prefix.channel(channel)), (event): SubscriptionEvent => ({ ...event, channel })),
    listen: (channel, onEvent) => executor.listen(prefix.channel(channel), (event) => onEvent({ ...event, channel })),
    track:
      track === undefined
        ? undefined
        : (ownPrefix, onEvent) =>
            track(prefix.key(ownPrefix), (event) => {
              if (event._tag !== "Key") return onEvent(event)
              const key = prefix.withoutPrefix(event.key)
              if (key !== undefined) onEvent({ _tag: "Key", key })
            }),
    nodes: executor.nodes === undefined ? undefined : nodesWith(executor.nodes)
  }
}
