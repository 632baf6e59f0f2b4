/**
 * The exit codes of the command. docs/cli.md lists them, since scripts and alerts go by them.
 *
 * @internal
 */

/** The command did what was asked, and found nothing wrong. */
export const ok = 0

/** A finding is an error, or the command has failed. */
export const failed = 1

/** The arguments or the variables cannot be right, or a destructive command was not confirmed. Nothing was done. */
export const usage = 2

/** No server could be reached. Nothing was done. */
export const unreachable = 3

/** Ctrl-C, as shells have it: 128 and the number of SIGINT. */
export const interrupted = 130
