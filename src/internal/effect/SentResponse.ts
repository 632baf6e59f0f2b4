/**
 * The mark that `HttpApp.toHandled` of `@effect/platform` leaves on a request whose response has been sent.
 *
 * @internal
 */
const mark = Symbol.for("@effect/platform/HttpApp/handled")

/** Whether the response to a request has been sent. */
export const isMarked = (request: object): boolean => mark in request

/** Marks a request: `HttpApp.toHandled` then sends no response to it. */
export const setMark = (request: object): void => void Object.assign(request, { [mark]: true })
