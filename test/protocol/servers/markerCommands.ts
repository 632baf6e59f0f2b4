/** The commands of the markers, and those that ask for the time. */
import { type Command, clear, type Server, tag, tagFloor } from "./server.js"

export const readMarkers = (names: ReadonlyArray<string>): Command<ReadonlyArray<number | undefined>> => ({
  name: "MGET markers",
  args: [names.join()],
  apply: ({ lagging, state }) => names.map((name) => (lagging ?? state).markers.get(name))
})

export const time: Command<number> = { name: "TIME", apply: (server) => server.reportedTime() }

export interface MarkerNow {
  readonly time: number
  readonly clear: number
}

const clearOf = (server: Server): number => {
  const present = server.state.markers.get(clear)
  if (present !== undefined) return present
  server.state.markers.set(clear, server.clock)
  return server.clock
}

/** The time of the markers' server, and the clear marker. */
export const now = (isKeyless = false): Command<MarkerNow> => ({
  name: "Now",
  isKeyless,
  changes: true,
  apply: (server) => ({ clear: clearOf(server), time: server.reportedTime() })
})

/** Moves the clear marker to a time at which nothing was created yet. */
export const raise = (atLeast: number): Command<MarkerNow> => ({
  name: "Raise",
  args: [atLeast],
  changes: true,
  apply: (server) => {
    const raised = Math.max(clearOf(server), atLeast)
    server.state.markers.set(clear, raised)
    return { clear: raised, time: server.reportedTime() }
  }
})

export const moveMarker = (name: string): Command<void> => ({
  name: `Move ${name}`,
  changes: true,
  apply: (server, client) => {
    const { state, rules } = server
    // creation times may be ahead of the clock, by the clear marker and no further
    const last = Math.max(state.markers.get(name) ?? 0, state.markers.get(clear) ?? 0)
    const step = rules.has("markerMovesByOne") ? 1 : 0
    const atLeast = rules.has("markersMoveForward") ? last + step : 0
    const marker = Math.max(atLeast, server.stamp(client))
    state.markers.set(name, marker)
    if (name === tag && rules.has("floorMovesWithTags")) {
      const floor = rules.has("markersMoveForward") ? (state.markers.get(tagFloor) ?? 0) : 0
      state.markers.set(tagFloor, Math.max(floor, marker))
    }
    server.publish(client, { _tag: name === clear ? "Clear" : "Tag", sender: client.id })
  }
})

/** Answers the clear marker and the tag's, created where they are missing, for an entry created at `created`. */
export const ensureMarkers = (created: number): Command<ReadonlyArray<number | undefined>> => ({
  name: "Ensure markers",
  args: [created],
  changes: true,
  apply: (server, client) => {
    const { state, rules } = server
    const ensure = (name: string, made: number): number | undefined => {
      const present = state.markers.get(name)
      if (present !== undefined || !rules.has("markerMadeWhereAbsent")) return present
      state.markers.set(name, made)
      return made
    }
    // a time that invalidates no entry
    const before = created - 1
    const now = server.stamp(client)
    const ofAll = ensure(clear, rules.has("markerCreatedNow") ? now : before)
    const floor = ensure(tagFloor, rules.has("floorCreatedNow") ? now : before)
    return [ofAll, ensure(tag, rules.has("tagMarkerCreatedAtFloor") && floor !== undefined ? floor : before)]
  }
})
