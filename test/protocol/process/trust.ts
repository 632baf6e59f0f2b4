/** Which entries a process may serve: those that no outage, item of its outbox or marker invalidates. */
import { read } from "../servers/keyCommands.js"
import { readMarkers } from "../servers/markerCommands.js"
import { clear, type Entry, type Key, tag } from "../servers/server.js"
import { isDistrusted } from "./outage.js"
import type { Process } from "./process.js"
import type { Step } from "./step.js"

interface Judged {
  /** undefined: nothing is stored */
  readonly entry: Entry | undefined
  readonly isTrusted: boolean
}

/** Reads an entry with its markers; undefined: a reply is missing or may not be used. */
export function* readEntry(process: Process, key: Key): Step<Judged | undefined> {
  if (process.isSeveral) return yield* readOnTwoNodes(process, key)
  const reply = process.usable(key, yield* process.send(read(key)))
  if (reply === undefined) return undefined
  const entry = reply.value
  return { entry, isTrusted: entry !== undefined && (yield* isTrustedEntry(process, entry)) }
}

/** Either may run first: markers only grow, and a write from before the read has moved its marker before both. */
function* readOnTwoNodes(process: Process, key: Key): Step<Judged | undefined> {
  const { tagsAcknowledged, lastMarkers, world } = process
  const markersAsked = world.rules.has("markersOfEachRead") || lastMarkers === undefined
  const [entryOutcome, markersOutcome] = markersAsked
    ? yield* process.keep([tagsAcknowledged], process.sendBoth(read(key), readMarkers([clear, tag])))
    : [yield* process.keep([tagsAcknowledged], process.send(read(key))), lastMarkers]
  const reply = process.usable(key, entryOutcome)
  const markers = process.usable("markers", markersOutcome)
  if (reply === undefined || markers === undefined) return undefined
  process.lastMarkers = markersOutcome
  const entry = reply.value
  return { entry, isTrusted: entry !== undefined && areSettled(process, entry, markers.value, tagsAcknowledged) }
}

/** On one server: the markers are read after the entry. */
function* isTrustedEntry(process: Process, entry: Entry): Step<boolean> {
  if (!process.world.withMarkers || entry.created <= process.distrustedUpTo(entry.key)) {
    return !isDistrusted(process, entry)
  }
  const { tagsAcknowledged } = process
  const markers = yield* process.keep([entry, tagsAcknowledged], process.send(readMarkers([clear, tag])))
  const reply = process.usable("markers", markers)
  return reply !== undefined && areSettled(process, entry, reply.value, tagsAcknowledged)
}

type Markers = ReadonlyArray<number | undefined>

const areSettled = (process: Process, entry: Entry, markers: Markers, tagsAcknowledged: number): boolean => {
  process.clearMarker = Math.max(process.clearMarker, markers[0] ?? 0)
  if (!areTagsSettled(process, tagsAcknowledged)) return false
  return markers.every((marker) => isAfter(process, entry, marker)) && !isDistrusted(process, entry, markers[0])
}

/** Whether no tag is pending, and none was acknowledged since the markers were asked for. */
const areTagsSettled = (process: Process, tagsAcknowledged: number): boolean =>
  !process.outbox.has("tag") &&
  (process.tagsAcknowledged === tagsAcknowledged || !process.world.rules.has("acknowledgedTagsDistrusted"))

export const isAfter = (process: Process, entry: { readonly created: number }, marker: number | undefined): boolean => {
  const { rules } = process.world
  if (marker === undefined) return !rules.has("missingMarkerIsMiss")
  return rules.has("equalIsInvalid") ? entry.created > marker : entry.created >= marker
}
