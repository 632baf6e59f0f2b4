/** The network of `bun run verify`: a proxy between each process and each server, and what it does to their connections. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as FaultProxy from "../../test/support/faults/FaultProxy.js"
import { processes } from "./registers.js"

export interface Network {
  /** of each process, the ports of its proxies by the ports of the servers */
  readonly ports: ReadonlyArray<Readonly<Record<string, number>>>
  /** The network works again when a fault returns. */
  readonly faults: Readonly<Record<string, Effect.Effect<void>>>
}

/** Long enough for timeouts, for leases to end, and for circuits to open. */
const pause = Effect.flatMap(Random.nextIntBetween(200, 2500), Effect.sleep)

const longestDelayMillis = 400

type Proxies = ReadonlyArray<FaultProxy.FaultProxy>

const forEachOf = (proxies: Proxies, what: (proxy: FaultProxy.FaultProxy) => Effect.Effect<unknown>) =>
  Effect.forEach(proxies, what, { discard: true })

const become = (proxies: Proxies, mode: FaultProxy.Mode) => forEachOf(proxies, (proxy) => proxy.become(mode))

const cut = (proxies: Proxies) => forEachOf(proxies, (proxy) => proxy.cut)

const pass: FaultProxy.Mode = { _tag: "Pass" }

const faults: Readonly<Record<string, (proxies: Proxies) => Effect.Effect<void>>> = {
  "network cut": (proxies) =>
    become(proxies, { _tag: "Refuse" }).pipe(
      Effect.zipRight(cut(proxies)),
      Effect.zipRight(pause),
      Effect.zipRight(become(proxies, pass))
    ),
  "network silent": (proxies) =>
    become(proxies, { _tag: "Blackhole" }).pipe(
      Effect.zipRight(pause),
      Effect.zipRight(become(proxies, pass)),
      Effect.zipRight(cut(proxies))
    ),
  "network slow": (proxies) =>
    Effect.flatMap(Random.nextIntBetween(20, longestDelayMillis), (millis) =>
      become(proxies, { _tag: "Delay", millis }).pipe(Effect.zipRight(pause), Effect.zipRight(become(proxies, pass)))
    ),
  "replies cut": (proxies) =>
    become(proxies, { _tag: "CutMidReply" }).pipe(
      Effect.zipRight(Effect.sleep("100 millis")),
      Effect.zipRight(become(proxies, pass))
    ),
  // what a caller has given up reaches the server all the same
  "requests late": (proxies) =>
    Effect.forEach(proxies, (proxy) => proxy.hold).pipe(
      Effect.tap(() => pause),
      Effect.flatMap((releases) => Effect.forEach(releases, (release) => release, { discard: true }))
    )
}

/** Hits the connections of one process or of all, to one server or to all. */
const some = (all: ReadonlyArray<Proxies>): Effect.Effect<Proxies> =>
  Effect.gen(function* () {
    const index = yield* Random.nextIntBetween(0, all.length)
    const ofProcesses = (yield* Random.nextBoolean) ? all : all.slice(index, index + 1)
    const servers = all[0]?.length ?? 0
    const server = yield* Random.nextIntBetween(0, servers)
    return (yield* Random.nextBoolean)
      ? ofProcesses.flat()
      : ofProcesses.flatMap((own) => own.slice(server, server + 1))
  })

export const make = (serverPorts: ReadonlyArray<number>): Effect.Effect<Network, never, Scope.Scope> =>
  Effect.gen(function* () {
    const all: Array<Proxies> = []
    for (let i = 0; i < processes; i++) all.push(yield* Effect.forEach(serverPorts, FaultProxy.make))
    return {
      ports: all.map((proxies) => Object.fromEntries(serverPorts.map((port, i) => [port, proxies[i]?.port ?? port]))),
      faults: Object.fromEntries(
        Object.entries(faults).map(([name, fault]) => [name, Effect.flatMap(some(all), fault)])
      )
    }
  })
