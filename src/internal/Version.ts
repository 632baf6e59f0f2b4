/**
 * The version of the package, for whatever shows it: the connection, the API, the command and the programs.
 *
 * @internal
 */
export const version = "0.2.0"
