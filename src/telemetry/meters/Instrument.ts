/**
 * Effect metrics that code outside of fibers updates: counters that follow a total, gauges and histograms of seconds. The
 * values of labels are bounded.
 *
 * @internal
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"

/** Values of labels, by name. A label without a value is left out. */
export type Labels = Readonly<Record<string, string | undefined>>

/** The unit of each metric that has one, as OpenTelemetry writes it. */
export const units = new Map<string, "s" | "By">()

/** The buckets of `db.client.operation.duration`, by OpenTelemetry's conventions for databases, in seconds. */
const boundaries = MetricBoundaries.fromIterable([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])

/** The most combinations of labels of one metric; those beyond share one series. */
const maxSeries = 1_000

const overflow: ReadonlyArray<MetricLabel.MetricLabel> = [MetricLabel.make("otel.metric.overflow", "true")]

/** One array of labels for each combination of values, since Effect finds a series by the array. */
const labelling = () => {
  const known = new Map<string, ReadonlyArray<MetricLabel.MetricLabel>>()
  return (labels: Labels): ReadonlyArray<MetricLabel.MetricLabel> => {
    const key = JSON.stringify(labels)
    const present = known.get(key)
    if (present !== undefined) return present
    if (known.size >= maxSeries) return overflow
    const made = Object.entries(labels).flatMap(([name, value]) =>
      value === undefined ? [] : [MetricLabel.make(name, value)]
    )
    known.set(key, made)
    return made
  }
}

/** Adds to a counter that never falls. */
export const counter = (name: string, description: string) => {
  const metric = Metric.counter(name, { description, incremental: true })
  const labelled = labelling()
  return (labels: Labels, more = 1): void => metric.unsafeUpdate(more, labelled(labels))
}

/** Moves a gauge by a difference: several members of one name add up. */
export const gauge = (name: string, description: string, unit?: "By") => {
  if (unit !== undefined) units.set(name, unit)
  const metric = Metric.gauge(name, { description })
  const labelled = labelling()
  return (labels: Labels, difference: number): void => metric.unsafeModify(difference, labelled(labels))
}

/** Adds a duration in milliseconds to a series, once or several times. */
export type Observe = (millis: number, times?: number) => void

/** A histogram of seconds. Its series are made once, since commands and reads are many. */
export const seconds = (name: string, description: string) => {
  units.set(name, "s")
  const metric = Metric.histogram(name, boundaries, description)
  const labelled = labelling()
  return (labels: Labels): Observe => {
    const series = labelled(labels)
    return (millis, times = 1) => {
      for (let i = 0; i < times; i++) metric.unsafeUpdate(millis / 1_000, series)
    }
  }
}

/** Remembers what was made for a text, for the first thousand of them. */
export const remembered = <A>(make: (text: string) => A): ((text: string) => A) => {
  const known = new Map<string, A>()
  return (text) => {
    const present = known.get(text)
    if (present !== undefined) return present
    const made = make(text)
    if (known.size < maxSeries) known.set(text, made)
    return made
  }
}

type Update = (labels: Labels, difference: number) => void

/**
 * What was published of one member: each total and each size is brought up to date by the difference since the last time.
 */
export class Published {
  private readonly values = new Map<Update, Map<string, { readonly labels: Labels; value: number }>>()

  constructor(private readonly isGauge: (update: Update) => boolean) {}

  follow(update: Update, labels: Labels, value: number): void {
    let series = this.values.get(update)
    if (series === undefined) {
      series = new Map()
      this.values.set(update, series)
    }
    const key = JSON.stringify(labels)
    const present = series.get(key)
    const difference = value - (present?.value ?? 0)
    if (present === undefined) series.set(key, { labels, value })
    else present.value = value
    // a series at zero is published too: a rate needs the sample before the first event
    if (difference !== 0 || present === undefined) update(labels, difference)
  }

  /** Takes the sizes back: the member has ended. Its counts stay. */
  end(): void {
    for (const [update, series] of this.values) {
      if (this.isGauge(update)) for (const { labels, value } of series.values()) update(labels, -value)
    }
  }
}
