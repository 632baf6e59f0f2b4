/** The part of autocannon that is used; it ships no types. */
declare module "autocannon" {
  interface Result {
    /** responses by status class */
    readonly "2xx": number
    readonly non2xx: number
    /** connections that failed and requests that timed out */
    readonly errors: number
    /** seconds */
    readonly duration: number
  }
  export default function autocannon(options: {
    readonly url: string
    readonly connections: number
    /** seconds */
    readonly duration: number
  }): PromiseLike<Result>
}
