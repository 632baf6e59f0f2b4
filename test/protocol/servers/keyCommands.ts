/** The commands of a key: reads, and the scripts of its value and lease, each one atomic step. */
import type { Command, Entry, Key } from "./server.js"

export const read = (key: Key): Command<Entry | undefined> => ({
  name: "GET",
  key,
  apply: ({ lagging, state }) => (lagging ?? state).values.get(key)
})

export type Acquired =
  | { readonly _tag: "Value"; readonly entry: Entry }
  | { readonly _tag: "Granted"; readonly created: number }
  | { readonly _tag: "Held" }

/** SET NX of the lease; the second half of Acquire. */
export const takeLease = (key: Key, token: string, newerThan: number, floor: number): Command<Acquired> => ({
  name: "take lease",
  key,
  token,
  args: [newerThan, floor],
  changes: true,
  apply: (server, client) => {
    const holder = server.state.leases.get(key)
    if (holder !== undefined && (holder !== token || !server.rules.has("sameTokenGrantedAgain"))) {
      server.observer.held(key, holder, token)
      return { _tag: "Held" }
    }
    server.state.leases.set(key, token)
    server.observer.granted(key, token, newerThan)
    const atLeast = server.rules.has("createdFollowsMarkersOnly") ? floor : Math.max(floor, newerThan)
    return { _tag: "Granted", created: server.createdAt(client, atLeast) }
  }
})

export const acquire = (key: Key, token: string, newerThan: number, floor: number): Command<Acquired> => ({
  name: "Acquire",
  key,
  token,
  args: [newerThan, floor],
  changes: true,
  apply: (server, client) => {
    const entry = server.state.values.get(key)
    if (entry !== undefined && !entry.stale && entry.created > newerThan) return { _tag: "Value", entry }
    return takeLease(key, token, newerThan, floor).apply(server, client)
  }
})

export const fill = (key: Key, token: string, entry: Entry): Command<boolean> => ({
  name: "Fill",
  key,
  token,
  args: [entry.version, entry.created],
  changes: true,
  apply: (server, client) => {
    const { state, rules } = server
    if (rules.has("fillComparesToken") && state.leases.get(key) !== token) return false
    state.values.set(key, rules.has("createdAtLease") ? entry : { ...entry, created: server.clock })
    if (rules.has("fillEndsLease")) state.leases.delete(key)
    if (client.mayPublish) server.observer.published({ _tag: "Ready", key, sender: client.id }, server)
    return true
  }
})

export const release = (key: Key, token: string): Command<void> => ({
  name: "Release",
  key,
  token,
  changes: true,
  apply: (server, client) => {
    if (server.rules.has("leaseReleasedByCompare") && server.state.leases.get(key) !== token) return
    server.state.leases.delete(key)
    if (client.mayPublish) server.observer.published({ _tag: "Ready", key, sender: client.id }, server)
  }
})

export const invalidate = (key: Key): Command<void> => ({
  name: "Invalidate",
  key,
  changes: true,
  apply: (server, client) => {
    if (server.rules.has("invalidateDeletesValue")) server.state.values.delete(key)
    if (server.rules.has("invalidateDeletesLease")) server.endLease(key)
    if (server.rules.has("invalidatePublishes")) server.publish(client, { _tag: "Key", key, sender: client.id })
  }
})

/** The caller says when the entry is created where the markers are on another server. */
export const set = (key: Key, version: number, floor: number, createdAt?: number): Command<void> => ({
  name: "Set",
  key,
  args: [version, floor, createdAt],
  changes: true,
  hasDeadline: true,
  apply: (server, client) => {
    const created = createdAt ?? server.createdAt(client, floor)
    server.state.values.set(key, { key, version, created, stale: false })
    if (server.rules.has("setEndsLease")) server.endLease(key)
    if (server.rules.has("setPublishes")) server.publish(client, { _tag: "Key", key, sender: client.id })
  }
})

/** The first half of an update; answers when the token was placed. */
export const begin = (key: Key, token: string, floor: number): Command<number> => ({
  name: "Begin",
  key,
  token,
  args: [floor],
  changes: true,
  apply: (server, client) => {
    server.state.values.delete(key)
    if (server.state.leases.get(key) !== token) server.endLease(key)
    server.state.leases.set(key, token)
    return server.createdAt(client, floor)
  }
})

/** The second half of an update; answers whether the value was stored. */
export const finish = (key: Key, token: string, entry: Entry): Command<boolean> => ({
  name: "Finish",
  key,
  token,
  args: [entry.version, entry.created],
  changes: true,
  apply: (server, client) => {
    const { state, rules } = server
    const mine = !rules.has("updateComparesToken") || state.leases.get(key) === token
    if (mine) {
      state.values.set(key, entry)
      state.leases.delete(key)
    } else if (rules.has("updateDeletesOtherwise")) {
      state.values.delete(key)
      server.endLease(key)
    }
    server.publish(client, { _tag: "Key", key, sender: client.id })
    return mine
  }
})

/** A delete by the application, past the engine. */
export const bareDelete = (key: Key): Command<void> => ({
  name: "DEL",
  key,
  changes: true,
  apply: ({ state }) => {
    state.values.delete(key)
  }
})
