/**
 * Remembers for a short time which keys had a response that may not be stored. Requests for them do not wait for each other. The
 * first of their responses that may be stored ends that. So no client keeps a URL out of the cache by a request of its own,
 * such as one whose response sets a cookie.
 *
 * @since 0.2.0
 */
import { TwoGenerationMap } from "../../../internal/collection/TwoGenerationMap.js"

/** the most keys, about */
const capacity = 4096

/** how long a key is remembered, in milliseconds; then one request tries to store its response, and others wait for it */
const rememberedMillis = 10_000

/**
 * @since 0.2.0
 * @category models
 */
export class Refused {
  private readonly keys = new TwoGenerationMap<{ readonly reason: string; readonly until: number }>(capacity)

  constructor(private readonly now: () => number) {}

  add(id: string, reason: string): void {
    this.keys.set(id, { reason, until: this.now() + rememberedMillis })
  }

  remove(id: string): void {
    if (this.of(id) !== undefined) this.keys.set(id, { reason: "", until: Number.NEGATIVE_INFINITY })
  }

  /** Why the last response of the key was not stored; undefined where that is not known. */
  of(id: string): string | undefined {
    const found = this.keys.get(id)
    return found !== undefined && this.now() < found.until ? found.reason : undefined
  }
}
