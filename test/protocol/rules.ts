/**
 * The rules of the protocol as switches: the model keeps a rule only when its name is in the set, so that a test can
 * take one away and watch a promise break. The numbers are the sections of docs/protocol.md.
 */
export const rules = {
  localPutNeedsEpoch: "1: a value that was read goes into the local tier only if the key's epoch has not moved since",
  localTimeFromRequest: "1: the local time to live counts from when the value was asked for, not from its arrival",
  distrustedIsMiss: "1: a distrusted entry is never served, not even when the lookup fails",

  oneFlight: "2: callers of one key and epoch share one flight",
  flightPerEpoch: "2: a caller that comes after an invalidation does not join a flight from before it",
  lateCallersStartOver: "2: a flight whose value was not accepted serves only callers from before its lookup",
  unconfirmedWhileAway: "2: late callers get a value that Redis has not confirmed only while Redis is away",
  flightCloses: "2: a flight takes no more callers once its lookup has returned",
  callersOnlyAwait: "2: a flight runs on its own; interrupting its first caller does not stop it",
  lastCallerStops: "2: interrupting the last caller stops the flight",

  acquireIsOneScript: "3: looking for a value and taking the lease is one atomic step",
  sameTokenGrantedAgain: "3: a lease is granted again to the token that holds it",
  tokenPerFlight: "3: every flight takes the lease with a token of its own",
  contradictionsEnd: "3: a flight that is told of a value again and again and cannot read it looks up by itself",
  leaseExpires: "3: a lease has a time to live",

  leaseRenewed: "4: a lease is renewed while its lookup runs",
  leaseGivenBack: "4: a flight that ends without a fill gives its lease back",
  leaseGivenBackByCompare: "4: giving back deletes the lease only if it holds the flight's token",
  waitersPoll: "4: a waiter asks again from time to time, message or not",
  waitersHaveBound: "4: a waiter past its bound looks up by itself",
  waitersAreWoken: "4: the bus wakes waiters",

  fillComparesToken: "5: a fill stores only if the lease holds the flight's token",
  fillEndsLease: "5: a fill deletes the lease",
  fillReadsMarkers: "5: a flight compares its entry with the markers before its late callers may have it",
  localTimeFromMarkers: "5: the local time of a filled value counts from before its markers are read",

  invalidateDeletesValue: "6: an invalidation deletes the value",
  invalidateDeletesLease: "6: an invalidation deletes the lease",
  invalidatePublishes: "6: an invalidation is told to the other processes",
  publishMayFail: "6: a publish that the server refuses neither undoes nor hides the delete",
  epochMovesBefore: "6: the epoch moves before an invalidation is sent",
  epochMovesAfter: "6: the epoch moves when an invalidation has ended, however it ended",

  setEndsLease: "7: a set deletes the lease",
  setPublishes: "7: a set is told to the other processes",
  setHasDeadline: "7: a set that reaches the server after its deadline does nothing",
  setKeepsCaller: "7: a set of unknown fate, or interrupted, keeps its caller until it can no longer arrive",
  deadlineAllowsForSize: "7: the deadline of a set leaves the time that its value takes on the line",

  updatePlacesToken: "8: an update deletes the value and places its token before the write",
  updateComparesToken: "8: an update stores only if its token is still there",
  updateDeletesOtherwise: "8: an update that finds its token gone deletes value and lease",
  tokenOutlivesWrite: "8: the token of an update lives longer than the write can take",

  outbox: "9: a write to Redis that did not surely succeed is kept as an invalidation, and sent again",
  outboxIsMiss: "9: a key in the outbox is a miss in this process",
  outboxCountsAdditions: "9: an acknowledgement removes from the outbox only what was there when the command was sent",
  takenTagsSpeakAgainst: "9: a tag that has left the outbox since markers were asked for speaks against them",
  overflowMovesClear: "9: when the outbox overflows, the clear marker moves instead",
  overflowReadsNothing: "9: until that is acknowledged, the process reads nothing from Redis",

  newGenerationClosed: "10: replies of a new generation are not used before the process has taken note of the outage",
  distrustAfterOutage: "10: entries from before the outage are distrusted",
  distrustUpToReconnection: "10: the outage counts to its end, as the server's clock tells it on the new generation",
  contradictedMarkLowered: "10: a later answer of TIME that contradicts the mark of distrust lowers it",
  bornAheadDistrusted: "10: from then on an entry that is born ahead of the server's clock is distrusted",
  bornAfterClearTrusted: "10: unless its birth follows the clear marker",
  openCircuitReadsNothing: "10: nothing is read while the circuit is open",
  outageMovesEpochs: "10: a new generation drops the local tier and moves all epochs",
  fillOfSameGeneration: "10: a fill confirms a value only on the generation that granted the lease",
  replayBeforeReads: "10: the outbox is replayed before the new generation is used",
  oldConnectionKilled: "10: a new generation first has the server drop the old connection",

  messagesMoveEpoch: "11: a message that names a key moves its epoch",
  gapDropsLocal: "11: a gap drops the local tier",
  gapMovesEpochs: "11: a gap moves all epochs",
  senderIgnoresOwn: "11: a process ignores its own messages",

  stampsFromServer: "12: leases and markers are stamped with the server's clock, inside the script",
  createdAtLease: "12: an entry is as old as its lease, not as its fill",
  markersMoveForward: "12: a marker never moves back, whatever the clock says",
  markerMovesByOne: "12: a marker that moves becomes larger, though the clock has not moved since",
  bornAfterMarker: "12: an entry is born after the clear marker that its writer knows, whatever the clock says",
  birthFollowsMarkersOnly: "12: nothing else makes a birth later than the clock",
  equalIsInvalid: "12: an entry as old as its marker is invalid",
  missingMarkerIsMiss: "12: an entry without one of its markers is a miss",
  markerMadeWhereAbsent: "12: a fill makes the markers that are missing",
  markerBornNow: "12: a clear marker that is made carries the time at which it is made",
  floorBornNow: "12: and so does a floor that is made",
  tagMarkerBornAtFloor: "12: a tag's marker that is made is as late as the floor",
  floorMovesWithTags: "12: the floor moves with every tag's marker",

  lookupsBounded: "13: lookups without Redis pass a semaphore with a bounded queue",

  commitFirst: "14: an invalidation follows the commit",
  throughEngine: "14: a delete by the application goes through the engine"
} as const

export type Rule = keyof typeof rules
export type Rules = ReadonlySet<Rule>

const isRule = (name: string): name is Rule => name in rules

export const ruleNames: ReadonlyArray<Rule> = Object.keys(rules).filter(isRule)

export const without = (...removed: ReadonlyArray<Rule>): Rules =>
  new Set(ruleNames.filter((rule) => !removed.includes(rule)))

export const allRules: Rules = without()

/** Rules that no promise needs, and what they are kept for, or why they need not be. */
export const needless = {
  waitersAreWoken: "a waiter asks again by itself; the message only makes it sooner",
  epochMovesBefore: "what is read before an invalidation has ended may be old, and the move at its end drops it",
  replayBeforeReads: "what is in the outbox is a miss in any case, and the rest need not wait for it",
  openCircuitReadsNothing: "a command is refused in any case; it spares the caller the attempt, and others a lookup",
  oldConnectionKilled: "what arrives late is refused: by its token, or a set by its deadline",
  bornAfterMarker: "it lets a value be cached in the very millisecond of a clear, which costs a lookup otherwise",
  senderIgnoresOwn: "hearing its own message costs a process a local entry and nothing else"
} as const satisfies Partial<Record<Rule, string>>

export type Needless = keyof typeof needless

const isNeedless = (rule: Rule): rule is Needless => rule in needless

const needlessNames: ReadonlyArray<Needless> = ruleNames.filter(isNeedless)

/** What the promises rest on. */
export const essentialRules: Rules = without(...needlessNames)
