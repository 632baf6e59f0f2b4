/** Families of runs: the operations and faults of each. */
import { get, set } from "./operations.js"
import type { Search } from "./search.js"

type Family = Pick<Search, "scenario" | "operations">

const two = { processes: 2, localTtl: 2 }
const three = { processes: 3, localTtl: 2 }

export const families = {
  calm: {
    scenario: { ...two, faults: { expireValue: 2, age: 2, interrupt: 2, lookupFails: 1 } },
    operations: { anyOf: ["get", "get", "refresh", "invalidate", "update", "delete"] }
  },
  bus: {
    scenario: { ...two, warm: true, faults: { busBreak: 2, expireValue: 1 } },
    operations: { anyOf: ["get", "get", "invalidate", "update"] }
  },
  withoutLocalTier: {
    scenario: { ...three, localTtl: 0, faults: { busBreak: 1, break: 1, timeout: 1, expireLease: 1, interrupt: 1 } },
    operations: { anyOf: ["get", "get", "get", "invalidate", "update"] }
  },
  connections: {
    scenario: {
      ...three,
      faults: { busBreak: 1, break: 1, breakLate: 1, timeout: 1, reject: 1, resend: 1, expireLease: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update"] }
  },
  sets: {
    scenario: {
      ...three,
      serialised: true,
      largeValues: true,
      faults: { busBreak: 1, break: 1, breakLate: 1, timeout: 1, reject: 1, resend: 1, crash: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update", "set"] }
  },
  writtenValues: {
    scenario: {
      ...two,
      warm: true,
      serialised: true,
      withMarkers: true,
      faults: { busBreak: 1, break: 1, breakLate: 1, stop: 1, timeout: 1, resend: 1, evictMarker: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update", "set", "tag", "clear"], keys: 2 }
  },
  memory: {
    scenario: {
      ...two,
      warm: true,
      serialised: true,
      faults: { stop: 1, restart: 1, breakLate: 1, timeout: 1, reject: 1, busBreak: 1, openCircuit: 1, lookupFails: 2 }
    },
    operations: { anyOf: ["get", "get", "get", "invalidate", "update", "set"] }
  },
  setsInOrder: {
    scenario: {
      ...two,
      warm: true,
      setsAtOnce: true,
      faults: { busBreak: 1, expireValue: 1 }
    },
    operations: [set(0), set(0), set(0), get(0), get(0), get(1), get(1)]
  },
  outages: {
    scenario: {
      ...three,
      warm: true,
      faults: { busBreak: 1, breakLate: 1, stop: 1, restart: 1, timeout: 1, expireLease: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update"] }
  },
  circuits: {
    scenario: {
      ...three,
      warm: true,
      serialised: true,
      faults: { openCircuit: 3, busBreak: 1, breakLate: 1, stop: 1, timeout: 1, expireLease: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update", "set"] }
  },
  wrongTime: {
    scenario: {
      ...three,
      warm: true,
      faults: { wrongTime: 1, openCircuit: 1, breakLate: 2, stop: 1, timeout: 1, reject: 1, expireValue: 1 }
    },
    operations: { anyOf: ["get", "get", "refresh", "invalidate", "update"] }
  },
  tags: {
    scenario: {
      ...two,
      warm: true,
      withMarkers: true,
      clockErrors: [2, -2],
      outboxCapacity: 1,
      faults: { break: 1, timeout: 1, reject: 1, resend: 1, evictMarker: 2, expireValue: 2, age: 1, lookupFails: 1 }
    },
    operations: { anyOf: ["get", "get", "refresh", "invalidate", "tag", "clear"], keys: 2 }
  },
  tagsAndOutages: {
    scenario: {
      ...three,
      withMarkers: true,
      outboxCapacity: 1,
      faults: { busBreak: 1, breakLate: 1, stop: 1, restart: 1, timeout: 1, expireLease: 1, evictMarker: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update", "tag", "clear"], keys: 2 }
  },
  crashes: {
    scenario: {
      ...three,
      faults: { break: 1, breakLate: 1, timeout: 1, expireLease: 1, crash: 2, expireValue: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "update", "update", "invalidate"] }
  },
  hangingLookups: {
    scenario: { ...three, faults: { break: 1, timeout: 1, expireLease: 1, lookupHangs: 1, interrupt: 2 } },
    operations: { anyOf: ["get", "get", "get", "update", "invalidate"] }
  },
  overload: {
    scenario: { ...two, maxLookups: 1, maxWaiting: 1, faults: { break: 2, breakLate: 1 } },
    operations: { anyOf: ["get", "get", "get", "invalidate"], keys: 2 }
  },
  withoutRightToPublish: {
    scenario: { ...two, warm: true, mayNotPublish: [0], faults: { break: 1, timeout: 1, expireValue: 1 } },
    operations: { anyOf: ["get", "get", "invalidate", "update"] }
  }
} satisfies Record<string, Family>

/** Clocks start late enough for a clock that is set back. */
const severalServers = { ...two, warm: true, withMarkers: true, outboxCapacity: 1 }
const everything = { anyOf: ["get", "get", "get", "refresh", "invalidate", "update", "tag", "clear"], keys: 2 } as const
const aheadAndBehind = [9, 12, 6]

/** Families with markers and keys on servers of their own, each with a clock of its own. */
export const familiesOfServers = {
  skewedClocks: {
    scenario: {
      ...severalServers,
      servers: [9, 13],
      clockErrors: [1, -1],
      faults: {
        stepEntryClock: 2,
        stepMarkerClock: 1,
        expireValue: 2,
        evictMarker: 1,
        age: 1,
        lookupFails: 1,
        interrupt: 1
      }
    },
    operations: everything
  },
  serversAndConnections: {
    scenario: {
      ...severalServers,
      servers: aheadAndBehind,
      faults: { busBreak: 1, break: 2, breakLate: 1, timeout: 2, reject: 1, resend: 1, openCircuit: 1, expireLease: 1 }
    },
    operations: everything
  },
  serversAndOutages: {
    scenario: {
      ...severalServers,
      servers: aheadAndBehind,
      faults: { busBreak: 1, breakLate: 1, stop: 2, restart: 1, timeout: 1, expireLease: 1, stepMarkerClock: 1 }
    },
    operations: everything
  },
  setsOnServers: {
    scenario: {
      ...severalServers,
      processes: 3,
      servers: [9, 13],
      serialised: true,
      faults: { breakLate: 1, timeout: 1, resend: 1, failoverBehind: 1, move: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "set", "set", "update", "invalidate", "clear", "tag"] }
  },
  failovers: {
    scenario: {
      ...severalServers,
      servers: aheadAndBehind,
      faults: { failover: 2, failoverAhead: 1, timeout: 1, break: 1, expireValue: 1 }
    },
    operations: everything
  },
  failoversBehind: {
    scenario: {
      ...severalServers,
      servers: aheadAndBehind,
      faults: { failoverBehind: 1, stop: 1, timeout: 1, break: 1, expireValue: 1 }
    },
    operations: everything
  },
  movingSlots: {
    scenario: {
      ...severalServers,
      servers: aheadAndBehind,
      faults: { move: 2, failover: 1, timeout: 1, expireValue: 1, expireLease: 1 }
    },
    operations: everything
  },
  crashesAndFailovers: {
    scenario: {
      ...severalServers,
      processes: 3,
      servers: [9, 13],
      faults: { failoverBehind: 1, crash: 1, breakLate: 1, expireLease: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "update", "update", "invalidate", "clear"] }
  },
  oneServerReplaced: {
    scenario: {
      ...severalServers,
      servers: [9],
      localTtl: 0,
      faults: { failover: 1, failoverBehind: 1, break: 1, timeout: 1, expireValue: 1 }
    },
    operations: everything
  }
} satisfies Record<string, Family>
