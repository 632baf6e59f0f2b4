/**
 * Counts what the readers of a simulation got.
 *
 * @internal
 */
import * as LatencyHistogram from "../../internal/collection/LatencyHistogram.js"

/** The rows of the source: each write of a key makes its next version. */
export class Rows {
  private readonly versions = new Map<number, number>()
  /** when each version was written, in milliseconds; the first ones were always there */
  private readonly writtenAt = new Map<number, Array<number>>()

  read(key: number): number {
    return this.versions.get(key) ?? 0
  }

  write(key: number, now: number): number {
    const version = this.read(key) + 1
    this.versions.set(key, version)
    const times = this.writtenAt.get(key)
    if (times === undefined) this.writtenAt.set(key, [now])
    else times.push(now)
    return version
  }

  /** When a version was replaced by a newer one; undefined for the newest. */
  replacedAt(key: number, version: number): number | undefined {
    return this.writtenAt.get(key)?.[version]
  }
}

/** What the reads of one set of options got. */
export class Tally {
  reads = 0
  failed = 0
  outdated = 0
  longestOutdatedMillis = 0
  lookups = 0
  private readonly latency = LatencyHistogram.make()
  private readonly lookupsBySecond = new Map<number, number>()

  constructor(private readonly rows: Rows) {}

  /** A read has begun at `started` and ended at `now`. Its value is as old as the moment at which it began. */
  ended(key: number, version: number, started: number, now: number): void {
    this.reads++
    this.latency.note(now - started)
    const replacedAt = this.rows.replacedAt(key, version)
    if (replacedAt === undefined || replacedAt >= started) return
    this.outdated++
    this.longestOutdatedMillis = Math.max(this.longestOutdatedMillis, started - replacedAt)
  }

  hasFailed(): void {
    this.reads++
    this.failed++
  }

  lookedUp(now: number): void {
    this.lookups++
    const second = Math.floor(now / 1_000)
    this.lookupsBySecond.set(second, (this.lookupsBySecond.get(second) ?? 0) + 1)
  }

  /** the most lookups that began within one second */
  get peakLookups(): number {
    return Math.max(0, ...this.lookupsBySecond.values())
  }

  get latencyMillis(): { readonly mean: number; readonly p99: number } {
    const { mean, p99 } = this.latency.summary()
    return { mean, p99 }
  }
}
