/** A key of its own for each test, so that tests share a server in any order. */
let tests = 0
export const fresh = (name: string) => `contract:${++tests}:${name}`
