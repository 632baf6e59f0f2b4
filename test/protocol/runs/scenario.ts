/** A scenario: the operations of a run, its processes, and the faults that may occur. */
import type { Limit } from "../promises.js"
import type { Key } from "../servers/server.js"

export interface Operation {
  readonly what: "get" | "refresh" | "invalidate" | "update" | "set" | "tag" | "clear" | "delete"
  readonly process: number
  readonly key: Key
}

export type Fault =
  | "break" // a connection ends; commands in transit are lost
  | "breakLate" // a connection ends; commands in transit arrive later
  | "timeout" // a caller stops waiting for a reply
  | "reject" // a command is rejected before it is sent: too many are in flight
  | "resend" // the server does not know a script, which is sent once more, behind later commands
  | "busBreak" // a subscription ends; commands in transit are lost
  | "interrupt" // the caller of an operation is interrupted
  | "crash" // a process ends
  | "stop" // the server is away for all processes
  | "restart" // it comes back with an older snapshot
  | "expireValue"
  | "expireLease"
  | "evictMarker" // some time after it has moved
  | "openCircuit" // a process rejects its own commands for a while; its connection stands
  | "setClockBack" // of the server
  | "wrongTime" // the server's TIME is far ahead for a while
  | "wrongClock" // and so is its clock, in scripts too
  | "lag" // reads are answered by a replica that no longer follows
  | "age" // a value passes its time to live
  | "lookupFails"
  | "lookupHangs"
  | "failover" // a replica with the same clock takes a server's place, without its last writes
  | "failoverBehind" // the replica's clock is behind
  | "failoverAhead"
  | "split" // a replica takes a server's place, and one process still reaches the old server only
  | "move" // a slot moves to another node
  | "stepEntryClock" // the clock of a server without markers is set, forwards or back
  | "stepMarkerClock" // the clock of the markers' server is set forwards

export interface Scenario {
  readonly processes: number
  /** by how much each server's clock is ahead of the first one's; by default there is one server */
  readonly servers?: ReadonlyArray<number>
  /** in ticks; by default a value is stale only by the fault `age` */
  readonly timeToLive?: number
  /** in ticks; zero is no local tier */
  readonly localTtl: number
  readonly withMarkers?: boolean
  /** the caller lets only one write of a key run at a time */
  readonly serialised?: boolean
  readonly outboxCapacity?: number
  readonly maxLookups?: number
  readonly maxWaiting?: number
  /** the processes that may not publish */
  readonly mayNotPublish?: ReadonlyArray<number>
  /** the error of each process's estimate of the server's clock */
  readonly clockErrors?: ReadonlyArray<number>
  /** how often time passes by a tick, apart from the end of a run; by default 8 */
  readonly ticks?: number
  /** how often each fault may happen */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  readonly limits?: ReadonlyArray<Limit>
  /** values are so large that a fixed deadline may pass while they are sent */
  readonly largeValues?: boolean
  /** a set that Redis has not acknowledged is sent again, unless its process has heard of another write of the key since */
  readonly replaysSets?: boolean
  /** the caller commits and sends a set in one step, so that several sets of a key arrive in the order of their commits */
  readonly setsAtOnce?: boolean
  /** starts with both keys cached */
  readonly warm?: boolean
}
