/**
 * Answers the arguments of a program that is configured by variables: `--help`, `--version`, and what it does not know. It imports
 * nothing, so that a program answers before it loads what it runs.
 *
 * @internal
 */
import { version } from "./Version.js"

/** What a program prints in the place of running. */
export interface Answer {
  readonly text: string
  readonly exitCode: 0 | 2
}

/** The version, as `--version` prints it. */
export const versionLine = `effect-cache-toolkit ${version}`

/** The answer to the arguments behind the program's name; undefined where there are none, and the program runs. */
export const answerTo = (args: ReadonlyArray<string>, usage: string): Answer | undefined => {
  const unknown = args.find((arg) => !["--help", "-h", "--version"].includes(arg))
  if (unknown !== undefined) return { text: `unknown argument ${JSON.stringify(unknown)}\n\n${usage}`, exitCode: 2 }
  if (args.length === 0) return undefined
  return { text: args.includes("--version") ? versionLine : usage, exitCode: 0 }
}

/** Prints the answer: a wrong argument to the standard error, with the exit code 2. */
export const print = ({ exitCode, text }: Answer): void => {
  const stream = exitCode === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  process.exitCode = exitCode
}
