/**
 * Cases of HTTP caching in this project's own notation. Their ids are those of the public suite of cache-tests.fyi
 * (github.com/http-tests/cache-tests), whose descriptions say what is expected.
 */

/** A header field; a number is the date so many seconds from now. */
export type Header = readonly [name: string, value: string | number]

/** What a cache does with a case: as described, or not, with the reason. */
export type Verdict =
  | "passed"
  | { readonly otherwise: string }
  | { readonly passedBy: string }
  | { readonly notApplicable: string }

export interface Step {
  readonly method?: string
  readonly path?: string
  readonly send?: ReadonlyArray<Header>
  /** what the origin answers, where it is asked; `close`: its handler dies, or its connection breaks */
  readonly answer?:
    | { readonly status?: number; readonly headers?: ReadonlyArray<Header>; readonly body?: string }
    | "close"
  /** `cached`: the origin is not asked. `origin`: it is. `etag`, `modified`: it is asked by the validator, and says 304 */
  readonly expect?: "cached" | "origin" | "etag" | "modified"
  readonly status?: number
  readonly body?: string
  /** fields of the response that the client gets */
  readonly has?: ReadonlyArray<Header>
  /** `Age` is more than this */
  readonly olderThan?: number
  readonly lacks?: ReadonlyArray<string>
  /** fields that the origin gets; an empty text: present */
  readonly forwards?: ReadonlyArray<readonly [name: string, value: string]>
  /** seconds that pass after the step: default 3 */
  readonly wait?: number
}

export interface Case {
  readonly id: string
  readonly steps: ReadonlyArray<Step>
  readonly server: Verdict
  readonly client: Verdict
  /** whether the client's cache is a shared one; a private one otherwise */
  readonly isShared: boolean
}

export interface Suite {
  readonly name: string
  readonly cases: ReadonlyArray<Case>
}

interface Verdicts {
  readonly server?: Verdict
  readonly client?: Verdict
  readonly isShared?: boolean
}

/** A case of some steps, which both caches pass unless it says otherwise. */
export const make = (
  id: string,
  steps: ReadonlyArray<Step>,
  { client = "passed", isShared = false, server = "passed" }: Verdicts = {}
): Case => ({ id, steps, server, client, isShared })

/** The same verdict for both caches. */
export const both = (verdict: Verdict): Verdicts => ({ server: verdict, client: verdict })

/** A case that no test runs, for a reason. */
export const without = (id: string, verdict: Verdict): Case => make(id, [], both(verdict))

/** Whether the response to a GET answers another one, three seconds later. */
const reused =
  (expect: "cached" | "origin") =>
  (id: string, headers: ReadonlyArray<Header>, verdicts?: Verdicts): Case =>
    make(id, [{ answer: { headers } }, { expect }], verdicts)

export const fresh = reused("cached")
export const stale = reused("origin")

/** The case is for shared caches. */
export const sharedOnly: Verdicts = { isShared: true }

/** The case is for private caches, and that of a server is none. */
export const privateOnly: Verdicts = { server: { notApplicable: "the case is for private caches" } }

/** The suite asks what a cache does, and this one does otherwise. */
export const otherwise = (reason: string): Verdicts => both({ otherwise: reason })

export const cacheControl = (value: string): Header => ["Cache-Control", value]
