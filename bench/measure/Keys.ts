/**
 * Which keys are asked for, in which order: drawn before anything is timed, and the same in every run.
 */

export interface KeySet {
  readonly name: string
  readonly size: number
  readonly distribution: "uniform" | "Zipf"
  /** of Zipf's distribution */
  readonly exponent: number
}

export interface KeySequence {
  readonly next: () => number
}

/** The exponent that is usual in benchmarks of stores (YCSB): the most popular of 1,000 keys gets 13 % of the calls. */
const zipfExponent = 0.99

/** longer than the largest set of keys, so that a sequence visits most of it */
const sequenceLength = 1 << 18

export const keySet = (size: number, distribution: KeySet["distribution"], exponent = zipfExponent): KeySet => ({
  name: `${size.toLocaleString("en-US")} keys, ${distribution}${exponent === zipfExponent ? "" : ` ${exponent}`}`,
  size,
  distribution,
  exponent
})

export const keySets: ReadonlyArray<KeySet> = [
  keySet(1_000, "uniform"),
  keySet(1_000, "Zipf"),
  keySet(100_000, "uniform"),
  keySet(100_000, "Zipf")
]

/** The largest set's keys: a subject that is filled with them has those of the others. */
export const allKeys = 100_000

/** Numbers in [0, 1) that are the same in every run: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
const randomNumbers = (seed: number) => {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** The first of the ascending numbers that is not below a number. */
const lowerBound = (ascending: Float64Array, number: number): number => {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] ?? 0) < number) low = middle + 1
    else high = middle
  }
  return low
}

const zipfDraw = (size: number, exponent: number) => {
  const cumulated = new Float64Array(size)
  let sum = 0
  for (let rank = 0; rank < size; rank++) {
    sum += 1 / (rank + 1) ** exponent
    cumulated[rank] = sum
  }
  return (random: number) => lowerBound(cumulated, random * sum)
}

export const sequence = ({ distribution, exponent, size }: KeySet): KeySequence => {
  const random = randomNumbers(size)
  const draw = distribution === "Zipf" ? zipfDraw(size, exponent) : (number: number) => Math.floor(number * size)
  const drawn = Uint32Array.from({ length: sequenceLength }, () => draw(random()))
  let position = 0
  return { next: () => drawn[position++ & (sequenceLength - 1)] ?? 0 }
}

/**
 * A sequence with scans: after each `every` keys come `length` others, one after another. The scanned keys are `distinct`
 * ones from `from` on, and start again when all have been read.
 */
export const withScans = (
  others: KeySequence,
  scans: { readonly every: number; readonly length: number; readonly from: number; readonly distinct: number }
): KeySequence => {
  let position = 0
  let scanned = 0
  return {
    next: () => {
      if (position++ % (scans.every + scans.length) < scans.every) return others.next()
      return scans.from + (scanned++ % scans.distinct)
    }
  }
}

/** Each number once, from 0 on: for what must not have been seen before. */
export const ascending = (): KeySequence => {
  let next = 0
  return { next: () => next++ }
}
