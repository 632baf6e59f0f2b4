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

/** versions, acknowledged ones, and those that were acknowledged longer ago than a local tier keeps a value */
const arrays = 3
const arrayBytes = registerCount * Int32Array.BYTES_PER_ELEMENT

/** The size of the shared memory. */
export const byteLength = arrays * arrayBytes

/** The versions that the reader of a register knows of when it begins. */
export interface Known {
  /** the last one that a write of its own process has returned */
  readonly own: number
  /** the last one that Redis has acknowledged to any process */
  readonly acknowledged: number
  /** the last one that was acknowledged longer ago than a local tier keeps a value */
  readonly outlived: number
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
  /** Notes what was acknowledged longer ago than a local tier keeps a value. */
  readonly age: (now: number) => void
}

/** The registers as one process sees them. */
export const make = (memory: ArrayBufferLike, byteOffset = 0): Registers => {
  const array = (index: number) => new Int32Array(memory, byteOffset + index * arrayBytes, registerCount)
  const [versions, acknowledged, outlived] = [array(0), array(1), array(2)]
  const own = new Int32Array(registerCount)
  let young: Array<{ readonly id: number; readonly version: number; readonly at: number }> = []

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
      young.push({ id, version, at: now })
    },
    known: (id) => ({
      own: own[id] ?? 0,
      acknowledged: acknowledged[id] ?? 0,
      outlived: outlived[id] ?? 0,
      written: versions[id] ?? 0
    }),
    age: (now) => {
      const end = young.findIndex(({ at }) => at + localMillis >= now)
      const old = end === -1 ? young : young.slice(0, end)
      for (const { id, version } of old) outlived[id] = version
      young = end === -1 ? [] : young.slice(end)
    }
  }
}
