/** How many random inputs a property is tried on: all of them, or a tenth in `bun run test:unit`, which sets `TEST_EFFORT`. */

const share = process.env.TEST_EFFORT === "quick" ? 0.1 : 1

export const runs = (all: number): number => Math.ceil(all * share)
