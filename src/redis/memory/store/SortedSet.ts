/**
 * Members ordered by score, and by their bytes where scores are equal: every operation is logarithmic in the set.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as ByteString from "./ByteString.js"
import * as OrderedSet from "./OrderedSet.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RankedMember {
  readonly member: string
  readonly score: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SortedSet {
  readonly _tag: "SortedSet"
  readonly scores: HashMap.HashMap<string, number>
  readonly ranking: OrderedSet.OrderedSet<RankedMember, RankedMember>
}

/**
 * An end of a range of scores.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bound {
  readonly score: number
  readonly exclusive: boolean
}

const byScore = (self: RankedMember, that: RankedMember): -1 | 0 | 1 =>
  self.score < that.score ? -1 : self.score > that.score ? 1 : ByteString.Order(self.member, that.member)

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: SortedSet = {
  _tag: "SortedSet",
  scores: HashMap.empty(),
  ranking: OrderedSet.empty(byScore)
}

/**
 * @since 0.1.0
 * @category getters
 */
export const size = (self: SortedSet): number => OrderedSet.size(self.ranking)

/**
 * @since 0.1.0
 * @category getters
 */
export const score = (self: SortedSet, member: string): number | undefined =>
  Option.getOrUndefined(HashMap.get(self.scores, member))

/**
 * The rank from the lowest score, counted from 0.
 *
 * @since 0.1.0
 * @category getters
 */
export const rank = (self: SortedSet, member: string): number | undefined => {
  const current = score(self, member)
  if (current === undefined) return undefined
  const position = { member, score: current }
  return OrderedSet.countBefore(self.ranking, (other) => byScore(other, position) < 0)
}

/**
 * Members by rank, from `start` (included) to `end` (excluded).
 *
 * @since 0.1.0
 * @category getters
 */
export const slice = (self: SortedSet, start: number, end: number): Array<RankedMember> =>
  OrderedSet.slice(self.ranking, start, end)

/**
 * The ranks that scores between two bounds take: from `start` (included) to `end` (excluded).
 *
 * @since 0.1.0
 * @category getters
 */
export const ranksBetween = (
  self: SortedSet,
  min: Bound,
  max: Bound
): { readonly start: number; readonly end: number } => ({
  start: OrderedSet.countBefore(self.ranking, ({ score }) => (min.exclusive ? score <= min.score : score < min.score)),
  end: OrderedSet.countBefore(self.ranking, ({ score }) => (max.exclusive ? score < max.score : score <= max.score))
})

/**
 * Adds a member or moves it to another score.
 *
 * @since 0.1.0
 * @category combinators
 */
export const add = (self: SortedSet, member: string, score: number): SortedSet => {
  const rest = remove(self, member)
  return {
    _tag: "SortedSet",
    scores: HashMap.set(rest.scores, member, score),
    ranking: OrderedSet.insert(rest.ranking, { member, score })
  }
}

/**
 * Removes a member. The same set when it is not there.
 *
 * @since 0.1.0
 * @category combinators
 */
export const remove = (self: SortedSet, member: string): SortedSet => {
  const current = score(self, member)
  return current === undefined
    ? self
    : {
        _tag: "SortedSet",
        scores: HashMap.remove(self.scores, member),
        ranking: OrderedSet.remove(self.ranking, { member, score: current })
      }
}
