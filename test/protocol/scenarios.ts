/** Families of runs: the operations and faults of each. */
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
      faults: { busBreak: 1, break: 1, breakLate: 1, timeout: 1, refuse: 1, resend: 1, expireLease: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update"] }
  },
  sets: {
    scenario: {
      ...three,
      serialised: true,
      largeValues: true,
      faults: { busBreak: 1, break: 1, breakLate: 1, timeout: 1, refuse: 1, resend: 1, crash: 1, interrupt: 1 }
    },
    operations: { anyOf: ["get", "get", "invalidate", "update", "set"] }
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
      faults: { wrongTime: 1, openCircuit: 1, breakLate: 2, stop: 1, timeout: 1, refuse: 1, expireValue: 1 }
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
      faults: { break: 1, timeout: 1, refuse: 1, resend: 1, evictMarker: 2, expireValue: 2, age: 1, lookupFails: 1 }
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
