/**
 * The traffic of an application: which key is read or written when. The times between calls are those of a Poisson process, and
 * the keys are drawn by Zipf's law.
 *
 * @internal
 */
import type * as Utils from "effect/Utils"

/** A call. */
export interface Call {
  /** in milliseconds since the beginning */
  readonly at: number
  readonly isWrite: boolean
  readonly key: number
  /** the number of the process that makes it */
  readonly process: number
}

/** What traffic is made of. */
export interface Shape {
  readonly keys: number
  /** the exponent of Zipf's law; zero draws all keys alike */
  readonly skew: number
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly processes: number
}

/** Draws numbers below `keys`, the lowest most often. */
const zipf = (random: Utils.PCGRandom, keys: number, skew: number): (() => number) => {
  const sums = new Float64Array(keys)
  let sum = 0
  for (let key = 0; key < keys; key++) {
    sum += 1 / (key + 1) ** skew
    sums[key] = sum
  }
  return () => {
    const drawn = random.number() * sum
    let low = 0
    let high = keys - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) < drawn) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Yields the calls of a time, in their order. The same generator of numbers yields the same calls. */
export function* calls(random: Utils.PCGRandom, shape: Shape, millis: number): Generator<Call> {
  const perSecond = shape.readsPerSecond + shape.writesPerSecond
  if (perSecond <= 0) return
  const draw = zipf(random, shape.keys, shape.skew)
  for (let at = 0; ; ) {
    // the inverse of the exponential distribution; 1 - number is never zero
    at += (-Math.log(1 - random.number()) / perSecond) * 1_000
    if (at >= millis) return
    const isWrite = random.number() * perSecond < shape.writesPerSecond
    yield { at, isWrite, key: draw(), process: Math.floor(random.number() * shape.processes) }
  }
}
