/**
 * How much a test tries: everything, or a share of it in `bun run test:unit`, which sets `TEST_EFFORT`.
 */

const quick = process.env.TEST_EFFORT === "quick"

/** How many random inputs a property is tried on: a tenth where it has to be quick. */
export const runs = (all: number): number => Math.ceil(quick ? all / 10 : all)

/** How many keys, callers or rounds a test of scale has. The quick number is still above each bound that the test passes. */
export const scale = (all: number, enough: number): number => (quick ? enough : all)
