/**
 * The rules of the protocol as switches: the model follows a rule only when its name is in the set. A test removes one and
 * shows which promise breaks. The numbers are those of docs/protocol.md.
 */
export const rules = {
  localPutNeedsEpoch: "1: a value that was read goes into the local tier only if the key's epoch has not moved since",
  localTimeFromRequest: "1: the local time to live counts from when the value was asked for, not from its arrival",
  distrustedIsMiss: "1: a distrusted entry is never served, not even when the lookup fails",

  oneFlight: "2: callers of one key and epoch share one flight",
  flightPerEpoch: "2: a caller from after an invalidation does not join a flight from before it",
  lateCallersStartOver: "2: a flight whose value was not accepted answers only callers from before its lookup",
  unconfirmedWhileAway: "2: late callers get a value that Redis has not confirmed only while Redis is away",
  flightCloses: "2: a flight accepts no more callers once its lookup has returned",
  earlyCallersSkipFill: "2: callers from before the lookup continue when it has returned, and await no fill",
  lateCallersAwaitFill: "2: later callers wait for the answer to the fill",
  fillOutlivesCallers: "2: a flight whose lookup has returned runs to the end of its fill, with or without callers",
  callersOnlyAwait: "2: a flight runs on its own; interrupting its first caller does not stop it",
  lastCallerStops: "2: interrupting the last caller stops the flight",

  acquireIsOneScript: "3: looking for a value and taking the lease is one atomic step",
  sameTokenGrantedAgain: "3: a lease is granted again to the token that holds it",
  tokenPerFlight: "3: every flight takes the lease with a token of its own",
  contradictionsEnd: "3: a flight that repeatedly cannot read the value that Acquire reports looks up without Redis",
  leaseExpires: "3: a lease has a time to live",

  leaseRenewed: "4: a lease is renewed while its lookup runs",
  leaseReleased: "4: a flight that ends without a fill releases its lease",
  leaseReleasedByCompare: "4: a release deletes the lease only if it holds the flight's token",
  waitersPoll: "4: a waiter polls the lease, message or not",
  waitersHaveBound: "4: a waiter past its bound runs its own lookup",
  waitersAreWoken: "4: the bus wakes waiters",

  fillComparesToken: "5: a fill stores only if the lease holds the flight's token",
  fillEndsLease: "5: a fill deletes the lease",
  fillReadsMarkers: "5: a flight compares its entry with the markers before its late callers get it",
  localTimeFromMarkers: "5: the local time of a filled value counts from before its markers are read",

  invalidateDeletesValue: "6: an invalidation deletes the value",
  invalidateDeletesLease: "6: an invalidation deletes the lease",
  invalidatePublishes: "6: an invalidation is published to the other processes",
  publishMayFail: "6: a publish that the server rejects neither undoes nor hides the delete",
  epochMovesBefore: "6: the epoch moves before an invalidation is sent",
  epochMovesAfter: "6: the epoch moves when an invalidation has ended, however it ended",

  setEndsLease: "7: a set deletes the lease",
  setPublishes: "7: a set is published to the other processes",
  setHasDeadline: "7: a set that reaches the server after its deadline does nothing",
  setKeepsCaller: "7: a set of unknown outcome, or interrupted, returns only when it can no longer arrive",
  deadlineAllowsForSize: "7: the deadline of a set includes the transfer time of its value",
  writtenIsKept: "7: a process keeps in its local tier what its set or update has stored",
  writtenNeedsEpoch: "7: only if nothing else has moved the epoch since the write began",
  setsFollowInOrder: "7: a set that was sent after another one of its process is not overtaken by it",
  onlyLaterSetsFollow: "7: one that was sent before it is",
  writtenTimeFromStart: "7: its local time counts from before the write",
  writtenOnOpenGeneration: "7: only on the generation whose replies are used",

  updatePlacesToken: "8: an update deletes the value and places its token before the write",
  updateComparesToken: "8: an update stores only if its token is still there",
  updateDeletesOtherwise: "8: an update that finds its token gone deletes value and lease",
  updateKeptUnderToken: "8: the value of an update is kept only if it was stored under its token",
  updateKeptFromBegin: "8: an update's epoch and local time are of before its token was placed",
  tokenOutlivesWrite: "8: the token of an update outlives its write",

  outbox: "9: a write that Redis has not acknowledged is kept as an invalidation, and sent until it is",
  outboxIsMiss: "9: a key in the outbox is a miss in this process",
  outboxCountsAdditions: "9: an acknowledgement removes from the outbox only what was there when the command was sent",
  acknowledgedTagsDistrusted: "9: markers are not trusted when a tag was acknowledged since they were asked for",
  overflowMovesClear: "9: when the outbox overflows, the clear marker moves instead",
  overflowReadsNothing: "9: until that is acknowledged, the process reads nothing from Redis",

  newGenerationClosed: "10: replies of a new generation are not used before the process has handled the outage",
  distrustAfterOutage: "10: entries from before the outage are distrusted",
  distrustUpToReconnection: "10: the outage counts to its end, by the server's clock on the new generation",
  contradictedMarkLowered: "10: a later answer of TIME that contradicts the mark of distrust lowers it",
  createdAheadDistrusted: "10: from then on an entry created ahead of the server's clock is distrusted",
  createdAfterClearTrusted: "10: unless it was created directly after the clear marker",
  openCircuitReadsNothing: "10: nothing is read while the circuit is open",
  outageMovesEpochs: "10: a new generation drops the local tier and moves all epochs",
  fillOfSameGeneration: "10: a fill confirms a value only on the generation that granted the lease",
  replayBeforeReads: "10: the outbox is replayed before the new generation is used",
  oldConnectionKilled: "10: a new generation first lets the server drop the old connection",

  memoryServesOutage: "10: while Redis and the source are away, the local tier serves a value past its time",
  memoryOnlyWhileAway: "10: only in a load without Redis, whose lookup has failed",
  memoryForgetsWrites: "10: never one whose epoch has moved since, by a write, a message or the end of an outage",
  unstoredSetIsRemembered: "10: the value of a set that Redis has not acknowledged is served so too",

  messagesMoveEpoch: "11: a message that names a key moves its epoch",
  gapDropsLocal: "11: a gap drops the local tier",
  gapMovesEpochs: "11: a gap moves all epochs",
  senderIgnoresOwn: "11: a process ignores its own messages",

  stampsFromServer: "12: leases and markers are stamped with the server's clock, inside the script",
  createdAtLease: "12: an entry is created at its lease, not at its fill",
  markersMoveForward: "12: a marker never moves back, whatever the clock says",
  markerMovesByOne: "12: a marker that moves becomes larger, even when the clock has not moved",
  createdAfterMarker: "12: an entry is created after the clear marker that its writer knows, whatever the clock says",
  createdFollowsMarkersOnly: "12: nothing else puts a creation time ahead of the clock",
  equalIsInvalid: "12: an entry created at the time of its marker is invalid",
  missingMarkerIsMiss: "12: an entry without one of its markers is a miss",
  markerMadeWhereAbsent: "12: a fill creates the markers that are missing",
  markerCreatedNow: "12: a new clear marker holds the time of its creation",
  floorCreatedNow: "12: a new floor holds the time of its creation",
  tagMarkerCreatedAtFloor: "12: a new marker of a tag holds the time of the floor",
  floorMovesWithTags: "12: the floor moves with every tag's marker",

  lookupsBounded: "13: lookups without Redis pass a semaphore with a bounded queue",

  commitFirst: "14: an invalidation follows the commit",
  throughEngine: "14: a delete by the application goes through the engine",

  createdByMarkerNode: "15: an entry is created at a time of the markers' server, wherever it is stored",
  timeBeforeLookup: "15: that time is asked before the lookup",
  timeOfSlotOwner: "15: only the server that has the markers answers it",
  boundIsLower: "15: a set or an update may reckon with a lower bound of that server's clock",
  boundIsYoung: "15: the bound is of a reply that was received a moment ago",
  freshnessByMarkerNode: "15: freshness goes by the clock of the markers' server",
  deadlineOfEntryNode: "15: the deadline of a set goes by the clock of the server that it is sent to",

  markersOfEachRead: "16: each read asks for the markers",
  markersOfOpenGeneration: "16: a reply with markers is used only on the open generation of the markers",
  fillOfMarkerGeneration: "16: a fill confirms a value only on the generation that has said when it is created",

  markerOutageDistrustsAll: "17: a new generation of the markers distrusts every entry",
  markOfMarkerNode: "17: the end of an outage is a time of the markers' server, whichever server was away",
  movedSlotIsNewGeneration: "17: a slot that has another owner is a new generation of that slot",

  raisedWhenBehind:
    "18: where the markers' new server is behind the old one, the clear marker is raised beyond the old clock",
  raisedBeyondBounds: "18: and beyond what writers have reckoned with since",
  raisedWhenAhead: "18: it is raised at the end of an outage where entries may be created ahead of the clock",

  publishReachesAllNodes: "19: a message reaches the subscribers of every server"
} as const

export type Rule = keyof typeof rules

/** Whether a rule is about markers and entries on servers of their own. */
export const isOfSeveralServers = (rule: Rule): boolean => Number.parseInt(rules[rule], 10) >= 15

export type Rules = ReadonlySet<Rule>

const isRule = (name: string): name is Rule => name in rules

export const ruleNames: ReadonlyArray<Rule> = Object.keys(rules).filter(isRule)

export const without = (...removed: ReadonlyArray<Rule>): Rules =>
  new Set(ruleNames.filter((rule) => !removed.includes(rule)))

export const allRules: Rules = without()

/** Rules that no promise needs, and why they are kept. */
export const needless = {
  memoryServesOutage: "the read fails otherwise",
  unstoredSetIsRemembered: "the read fails otherwise",
  writtenIsKept: "the next read finds the value in Redis",
  setsFollowInOrder: "the value of the last set is read from Redis otherwise",
  writtenOnOpenGeneration: "the end of an outage drops the local tier",
  updateKeptUnderToken: "the write that has taken the token away drops the value by its message",
  earlyCallersSkipFill: "a caller that waits for the fill gets the same value later",
  waitersAreWoken: "a waiter polls anyway; the message only saves time",
  epochMovesBefore: "a read before the end of an invalidation may be old, and the move at its end drops it",
  replayBeforeReads: "a key in the outbox is a miss in any case, and other keys need not wait for it",
  openCircuitReadsNothing:
    "a command is rejected in any case; the rule saves the caller the attempt, and others a lookup",
  oldConnectionKilled: "a late command does nothing: its token, or the deadline of a set, prevents it",
  createdAfterMarker: "a value can be cached in the millisecond of a clear, which otherwise costs a lookup",
  senderIgnoresOwn: "hearing its own message costs a process a local entry and nothing else"
} as const satisfies Partial<Record<Rule, string>>

export type Needless = keyof typeof needless

const isNeedless = (rule: Rule): rule is Needless => rule in needless

const needlessNames: ReadonlyArray<Needless> = ruleNames.filter(isNeedless)

/** The rules that the promises rest on. */
export const essentialRules: Rules = without(...needlessNames)
