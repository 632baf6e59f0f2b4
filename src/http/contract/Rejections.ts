/**
 * The requests that the server answers before an endpoint of the contract does, and their problems. The OpenAPI document shows them
 * with each operation.
 *
 * @since 0.2.0
 */

/** The longest body, in bytes. */
export const maxBodyBytes = 64 * 1024

/**
 * How long a body may take to arrive, in seconds: a little less than Bun waits before it closes the connection without a
 * response.
 */
export const maxBodySeconds = 8

export const tooSlow = { status: 408, detail: `the body did not arrive within ${maxBodySeconds} seconds` } as const

export const tooLarge = { status: 413, detail: `the body may have ${maxBodyBytes} bytes at most` } as const

export const notJson = { status: 415, detail: "the body must be application/json, in UTF-8" } as const

export const encoded = { status: 415, detail: "the body must not be compressed or otherwise encoded" } as const

export const misdirected = {
  status: 421,
  detail: "this server is not called by that name: its variable ALLOWED_HOSTS lists the names that a proxy may pass on"
} as const

export const defect = { status: 500, detail: "something went wrong on the server; its log says what" } as const
