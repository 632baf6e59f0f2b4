/** A Redis tier whose commands a test sees. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as EntryCodec from "../../../src/cache/entry/EntryCodec.js"
import type { TierResult } from "../../../src/cache/tiers/TierRead.js"
import * as LatencyHistogram from "../../../src/internal/collection/LatencyHistogram.js"
import * as Executors from "../faults/Executors.js"
import * as OutageRedis from "../faults/OutageRedis.js"
import { settle } from "../until.js"
import { tierOn } from "./redisTier.js"

/** A tier over a server whose clear marker is 10, and the keys of each command that it sent. */
export const world = <A>(codec: EntryCodec.EntryCodec<A>) =>
  Effect.gen(function* () {
    const server = yield* OutageRedis.make
    const connection = yield* server.connect
    const commands: Array<ReadonlyArray<string>> = []
    const latency = LatencyHistogram.make()
    const undecodable: Array<string> = []
    const redis = Executors.replacing(connection.redis, ({ unsafeMget }) => ({
      unsafeMget: (keys, onReply) =>
        unsafeMget(() => {
          const named = keys()
          commands.push(named)
          return named
        }, onReply)
    }))
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const onDecodeFailure = (key: string) => void undecodable.push(key)
    const tier = yield* Scope.extend(tierOn(redis, codec, { latency, onDecodeFailure }), scope)
    yield* settle
    yield* server.direct.set("{tier}:clear", "10")
    /** Stores a text that is created after the clear marker. */
    const store = (key: string, value: string, fields = "") =>
      server.direct.set(key, `{"created":20,"ttl":5,${fields}"value":${value}}`)
    return { ...tier, commands, connection, latency, scope, server, store, undecodable }
  })

export const valuesOf = <A>(answers: ReadonlyArray<TierResult<A>>) =>
  answers.map((answer) => (answer._tag === "Found" ? answer.entry?.value : answer))
