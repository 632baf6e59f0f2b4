/**
 * Decodes the reply of a script by the schema that the script declares.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as CompiledDecoder from "../../internal/schema/CompiledDecoder.js"
import { RedisProtocolError } from "../RedisError.js"
import type { RedisScript } from "../RedisScript.js"

/** One compiled decoder for each script. A WeakMap, since a script may be made for a single run. */
const decoders = new WeakMap<object, (reply: unknown) => unknown>()

const decoderOf = <Input, Output>(
  script: RedisScript<Input, Output>
): ((reply: unknown) => Output | typeof CompiledDecoder.undecided) => {
  const known = decoders.get(script)
  if (known !== undefined) return known as (reply: unknown) => Output | typeof CompiledDecoder.undecided
  const decode = CompiledDecoder.make(script.reply)
  decoders.set(script, decode)
  return decode
}

/** Decodes a reply. One that does not fit is a `RedisProtocolError` that says why. */
export const output = <Input, Output>(
  script: RedisScript<Input, Output>,
  reply: unknown
): Exit.Exit<Output, RedisProtocolError> => {
  const output = decoderOf(script)(reply)
  if (output !== CompiledDecoder.undecided) return Exit.succeed(output)
  const failed = (detail: string) => Exit.fail(new RedisProtocolError({ command: script.name, detail }))
  try {
    return Either.match(Schema.decodeUnknownEither(script.reply)(reply), {
      onRight: Exit.succeed,
      onLeft: (error) => failed(ParseResult.TreeFormatter.formatErrorSync(error))
    })
  } catch (thrown) {
    // a defect here would end the callback, and its caller would wait for ever
    return failed(`the schema of the reply throws: ${String(thrown)}`)
  }
}

/** Like `output`, and keeps the reply's generation. */
export const decode = <Input, Output>(
  script: RedisScript<Input, Output>,
  { generation, value }: { readonly value: unknown; readonly generation: number }
): Exit.Exit<{ readonly value: Output; readonly generation: number }, RedisProtocolError> =>
  Exit.map(output(script, value), (value) => ({ value, generation }))
