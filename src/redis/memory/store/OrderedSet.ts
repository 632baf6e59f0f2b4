/**
 * A persistent ordered set that knows the rank of its elements: a weight-balanced tree. (Effect's RedBlackTree counts its
 * subtrees too, but offers no rank, and finds elements by equality instead of by its order.)
 *
 * `Position` is the part of an element that the order looks at; one element per position.
 *
 * @since 0.1.0
 */
import type * as Order from "effect/Order"

/**
 * @since 0.1.0
 * @category models
 */
export interface OrderedSet<in out Position, out A extends Position> {
  readonly order: Order.Order<Position>
  readonly root: Node<A> | undefined
}

interface Node<out A> {
  readonly element: A
  readonly size: number
  readonly left: Node<A> | undefined
  readonly right: Node<A> | undefined
}

type Tree<A> = Node<A> | undefined

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty = <Position, A extends Position>(order: Order.Order<Position>): OrderedSet<Position, A> => ({
  order,
  root: undefined
})

/**
 * The number of elements, in constant time.
 *
 * @since 0.1.0
 * @category getters
 */
export const size = <P, A extends P>(self: OrderedSet<P, A>): number => sizeOf(self.root)

/**
 * The element at a position, in logarithmic time.
 *
 * @since 0.1.0
 * @category getters
 */
export const find = <P, A extends P>(self: OrderedSet<P, A>, position: P): A | undefined => {
  let node = self.root
  while (node !== undefined) {
    const ordering = self.order(position, node.element)
    if (ordering === 0) return node.element
    node = ordering < 0 ? node.left : node.right
  }
  return undefined
}

/**
 * The element with a rank, counted from 0, in logarithmic time.
 *
 * @since 0.1.0
 * @category getters
 */
export const at = <P, A extends P>(self: OrderedSet<P, A>, rank: number): A | undefined => {
  let node = self.root
  let remaining = rank
  while (node !== undefined) {
    const before = sizeOf(node.left)
    if (remaining === before) return node.element
    if (remaining < before) {
      node = node.left
    } else {
      remaining -= before + 1
      node = node.right
    }
  }
  return undefined
}

/**
 * How many elements stand before the first one for which `isBefore` is false, in logarithmic time. `isBefore` must hold
 * for a prefix of the order. With "is smaller than x" it is the rank of x.
 *
 * @since 0.1.0
 * @category getters
 */
export const countBefore = <P, A extends P>(self: OrderedSet<P, A>, isBefore: (element: A) => boolean): number => {
  let node = self.root
  let count = 0
  while (node !== undefined) {
    if (isBefore(node.element)) {
      count += sizeOf(node.left) + 1
      node = node.right
    } else {
      node = node.left
    }
  }
  return count
}

/**
 * The elements with ranks from `start` (included) to `end` (excluded), in order, in time logarithmic in the set and
 * linear in the result.
 *
 * @since 0.1.0
 * @category getters
 */
export const slice = <P, A extends P>(self: OrderedSet<P, A>, start: number, end: number): Array<A> => {
  const elements: Array<A> = []
  collect(self.root, start, end, elements)
  return elements
}

const collect = <A>(node: Tree<A>, start: number, end: number, into: Array<A>): void => {
  if (node === undefined || start >= node.size || end <= 0) return
  const before = sizeOf(node.left)
  collect(node.left, start, end, into)
  if (start <= before && before < end) into.push(node.element)
  collect(node.right, start - before - 1, end - before - 1, into)
}

/**
 * Adds an element, or replaces the one at its position, in logarithmic time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const insert = <P, A extends P>(self: OrderedSet<P, A>, element: A): OrderedSet<P, A> => ({
  order: self.order,
  root: insertInto(self.order, self.root, element)
})

const insertInto = <P, A extends P>(order: Order.Order<P>, node: Tree<A>, element: A): Node<A> => {
  if (node === undefined) return { element, size: 1, left: undefined, right: undefined }
  const ordering = order(element, node.element)
  if (ordering === 0) return { element, size: node.size, left: node.left, right: node.right }
  return ordering < 0
    ? balance(node.element, insertInto(order, node.left, element), node.right)
    : balance(node.element, node.left, insertInto(order, node.right, element))
}

/**
 * Removes the element at a position, in logarithmic time. The same set when there is none.
 *
 * @since 0.1.0
 * @category combinators
 */
export const remove = <P, A extends P>(self: OrderedSet<P, A>, position: P): OrderedSet<P, A> => {
  const root = removeFrom(self.order, self.root, position)
  return root === self.root ? self : { order: self.order, root }
}

const removeFrom = <P, A extends P>(order: Order.Order<P>, node: Tree<A>, position: P): Tree<A> => {
  if (node === undefined) return undefined
  const ordering = order(position, node.element)
  if (ordering < 0) {
    const left = removeFrom(order, node.left, position)
    return left === node.left ? node : balance(node.element, left, node.right)
  }
  if (ordering > 0) {
    const right = removeFrom(order, node.right, position)
    return right === node.right ? node : balance(node.element, node.left, right)
  }
  if (node.left === undefined) return node.right
  if (node.right === undefined) return node.left
  return node.left.size > node.right.size
    ? balance(lastOf(node.left), removeLast(node.left), node.right)
    : balance(firstOf(node.right), node.left, removeFirst(node.right))
}

const firstOf = <A>(node: Node<A>): A => {
  let current = node
  while (current.left !== undefined) current = current.left
  return current.element
}

const lastOf = <A>(node: Node<A>): A => {
  let current = node
  while (current.right !== undefined) current = current.right
  return current.element
}

const removeFirst = <A>(node: Node<A>): Tree<A> =>
  node.left === undefined ? node.right : balance(node.element, removeFirst(node.left), node.right)

const removeLast = <A>(node: Node<A>): Tree<A> =>
  node.right === undefined ? node.left : balance(node.element, node.left, removeLast(node.right))

const sizeOf = <A>(node: Tree<A>): number => (node === undefined ? 0 : node.size)

const make = <A>(element: A, left: Tree<A>, right: Tree<A>): Node<A> => ({
  element,
  size: sizeOf(left) + sizeOf(right) + 1,
  left,
  right
})

// For the pair (3, 2), single insertions and removals are proved to keep weight-balanced trees balanced: Hirai and
// Yamamoto, "Balancing weight-balanced trees", 2011.
const delta = 3
const ratio = 2

const balance = <A>(element: A, left: Tree<A>, right: Tree<A>): Node<A> => {
  const leftSize = sizeOf(left)
  const rightSize = sizeOf(right)
  if (leftSize + rightSize >= 2) {
    if (right !== undefined && rightSize > delta * leftSize) return rotateLeft(element, left, right)
    if (left !== undefined && leftSize > delta * rightSize) return rotateRight(element, left, right)
  }
  return { element, size: leftSize + rightSize + 1, left, right }
}

const rotateLeft = <A>(element: A, left: Tree<A>, right: Node<A>): Node<A> => {
  const inner = right.left
  return inner === undefined || sizeOf(inner) < ratio * sizeOf(right.right)
    ? make(right.element, make(element, left, inner), right.right)
    : make(inner.element, make(element, left, inner.left), make(right.element, inner.right, right.right))
}

const rotateRight = <A>(element: A, left: Node<A>, right: Tree<A>): Node<A> => {
  const inner = left.right
  return inner === undefined || sizeOf(inner) < ratio * sizeOf(left.left)
    ? make(left.element, left.left, make(element, inner, right))
    : make(inner.element, make(left.element, left.left, inner.left), make(element, inner.right, right))
}
