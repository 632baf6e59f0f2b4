/** The registers of `bun run verify`: memory that its processes share, and what each process has written itself. */

/** The processes that write and read. */
export const processes = 3

/** The writers of each process. A register has one writer, since the order of two writers' versions would be anyone's. */
export const writers = 50

/** The registers of each writer. */
export const registersOfWriter = 8

export const registerCount = processes * writers * registersOfWriter

/** The caches that the registers are spread over: with and without tags, with and without a local tier. */
export const cacheCount = 4

export const idOf = (process: number, writer: number, place: number): number =>
  (place * writers + writer) * processes + process

const placeOf = (id: number): number => Math.floor(id / (processes * writers))

/** The cache of a register: each writer has registers in all of them. */
export const cacheOf = (id: number): number => placeOf(id) % cacheCount

/** The tag of a register. All registers of a tag have the same writer and the same cache. */
export const tagOf = (id: number): string => `tag-${id % (processes * writers)}`

/** How long a local tier keeps a value. */
export const localMillis = 5000

/** In this time a message is heard while nothing is wrong with the servers and the network. */
export const hearingMillis = 2500

/** versions, acknowledged ones, those that must have been heard, and those that no local tier keeps any more */
const arrays = 4
const arrayBytes = registerCount * Int32Array.BYTES_PER_ELEMENT

/** The size of the shared memory: the registers, and whether all is calm. */
export const byteLength = arrays * arrayBytes + Int32Array.BYTES_PER_ELEMENT

/** The versions that the reader of a register knows of when it begins. */
export interface Known {
  /** the last one that a write of its own process has returned */
  readonly own: number
  /** the last one that Redis has acknowledged to any process */
  readonly acknowledged: number
  /** the last one that a local tier must know: acknowledged longer ago than it keeps values, or than messages need while all is calm */
  readonly heard: number
  /** the last one of all */
  readonly written: number
}

export interface Registers {
  /** The version that the source has now. */
  readonly version: (id: number) => number
  /** The source commits another version. */
  readonly commit: (id: number) => void
  /** A write of the last version has returned, at a time in milliseconds. */
  readonly returned: (id: number, isAcknowledged: boolean, now: number) => void
  readonly known: (id: number) => Known
  /** Notes how long ago this process's writes were acknowledged. */
  readonly age: (now: number) => void
  /** Says to all processes whether the servers and the network work, and have done so for a while. */
  readonly setCalm: (isCalm: boolean) => void
}

interface Acknowledged {
  readonly id: number
  readonly version: number
  readonly at: number
}

/** Acknowledged versions in the order of their time, until they are old enough for an array. */
const aging = (into: Int32Array, ageMillis: number) => {
  let young: Array<Acknowledged> = []
  return {
    add: (write: Acknowledged) => void young.push(write),
    age: (now: number) => {
      const first = young.findIndex(({ at }) => at + ageMillis >= now)
      const old = first === -1 ? young : young.slice(0, first)
      for (const { id, version } of old) into[id] = version
      young = first === -1 ? [] : young.slice(first)
    }
  }
}

/** The registers as one process sees them. */
export const make = (memory: ArrayBufferLike, byteOffset = 0): Registers => {
  const array = (index: number) => new Int32Array(memory, byteOffset + index * arrayBytes, registerCount)
  const [versions, acknowledged, heard, outlived] = [array(0), array(1), array(2), array(3)]
  const calm = new Int32Array(memory, byteOffset + arrays * arrayBytes, 1)
  const own = new Int32Array(registerCount)
  const ages = [aging(heard, hearingMillis), aging(outlived, localMillis)]

  return {
    version: (id) => versions[id] ?? 0,
    commit: (id) => {
      versions[id] = (versions[id] ?? 0) + 1
    },
    returned: (id, isAcknowledged, now) => {
      const version = versions[id] ?? 0
      own[id] = version
      if (!isAcknowledged) return
      acknowledged[id] = version
      for (const each of ages) each.add({ id, version, at: now })
    },
    known: (id) => ({
      own: own[id] ?? 0,
      acknowledged: acknowledged[id] ?? 0,
      heard: (calm[0] === 1 ? heard : outlived)[id] ?? 0,
      written: versions[id] ?? 0
    }),
    age: (now) => {
      for (const each of ages) each.age(now)
    },
    setCalm: (isCalm) => {
      calm[0] = isCalm ? 1 : 0
    }
  }
}
