/**
 * The program of the server. It answers `--help` and `--version` before it loads the server itself.
 */
import * as Usage from "./http/server/Usage.js"
import * as ProgramArguments from "./internal/ProgramArguments.js"

const answer = ProgramArguments.answerTo(process.argv.slice(2), Usage.text)

if (answer === undefined) void import("./serve.js")
else ProgramArguments.print(answer)
