/** What is called in a run, in which surroundings, and what may go wrong. */
import type { Limit } from "./promises.js"
import type { Key } from "./server.js"

export interface Operation {
  readonly what: "get" | "refresh" | "invalidate" | "update" | "set" | "tag" | "clear" | "delete"
  readonly process: number
  readonly key: Key
}

export type Fault =
  | "break" // a connection ends; what was on its way is lost
  | "breakLate" // a connection ends; what was on its way arrives later
  | "timeout" // a caller gives up waiting for a reply
  | "refuse" // a command is not sent at all: too many are under way
  | "resend" // the server does not know a script, which is sent again, behind what was sent meanwhile
  | "busBreak" // a subscription ends; what was on its way is lost
  | "interrupt" // the caller of an operation is interrupted
  | "crash" // a process ends
  | "stop" // the server is away for everyone
  | "restart" // it comes back with an older snapshot
  | "expireValue"
  | "expireLease"
  | "evictMarker" // some time after it has moved
  | "openCircuit" // a process refuses its own commands for a while; its connection stands
  | "setClockBack" // of the server
  | "wrongTime" // the server's TIME is far ahead for a while
  | "wrongClock" // and so is its clock, in scripts too
  | "lag" // reads are answered by a replica that has stopped to follow
  | "age" // a value passes its time to live
  | "lookupFails"
  | "lookupHangs"

export interface Scenario {
  readonly processes: number
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
  /** by how much each process's idea of the server's clock is wrong */
  readonly clockErrors?: ReadonlyArray<number>
  /** how often each fault may happen */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  readonly limits?: ReadonlyArray<Limit>
  /** values are so large that a fixed deadline may pass while they are sent */
  readonly largeValues?: boolean
  /** starts with both keys cached */
  readonly warm?: boolean
}
