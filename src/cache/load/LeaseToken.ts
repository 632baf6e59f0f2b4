/**
 * The tokens of leases: unique in time and among all processes, by a random name of the process and a number.
 *
 * @since 0.2.0
 */

/**
 * Answers a new token at each call.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): (() => string) => {
  // a random name for each load would cost more than the rest of its request
  const process = crypto.randomUUID()
  let number = 0
  return () => `${process}:${++number}`
}
