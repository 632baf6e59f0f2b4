/**
 * Commands on the database as a whole, and PUBLISH.
 *
 * @since 0.1.0
 */

import * as Store from "../store/Store.js"
import type { Commands } from "./Command.js"
import { syntaxError, wrongArity } from "./Reply.js"

/**
 * @since 0.1.0
 * @category commands
 */
export const serverCommands: Commands = {
  PING: {
    arity: -1,
    run: (store, args) => ({ reply: args.length > 1 ? wrongArity("PING") : (args[0] ?? "PONG"), store })
  },
  TIME: {
    arity: 1,
    run: (store, _, { now }) => ({ reply: [String(Math.floor(now / 1000)), String((now % 1000) * 1000)], store })
  },
  DBSIZE: { arity: 1, run: (store, _, { now }) => ({ reply: Store.size(store, now), store }) },
  FLUSHDB: {
    arity: -1,
    run: (store, args) =>
      args.length > 1 || !/^(?:async|sync)?$/i.test(args[0] ?? "")
        ? { reply: syntaxError(), store }
        : { reply: "OK", store: Store.make(store.maxKeys) }
  },
  PUBLISH: {
    arity: 3,
    run: (store, [channel = "", message = ""], { publish }) => ({ reply: publish(channel, message), store })
  }
}
