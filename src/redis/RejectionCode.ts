/**
 * The kind of an error reply.
 *
 * Redis and Valkey name the kind in the first word. Redis before 7 and Dragonfly put a script's error behind
 * "Error running script". Some kinds arrive as a plain `ERR` with words of their own.
 *
 * @internal
 */

/** Kinds that are recognised also behind `ERR`, where a server wraps another server's reply. */
const known: ReadonlySet<string> = new Set(
  (
    "WRONGTYPE OOM READONLY NOPERM NOAUTH WRONGPASS LOADING BUSY MASTERDOWN CLUSTERDOWN MISCONF NOREPLICAS CROSSSLOT " +
    "NOSCRIPT MOVED ASK TRYAGAIN NOPROTO EXECABORT UNKILLABLE"
  ).split(" ")
)

/** The words of kinds that a server has no first word for. */
const wordings: ReadonlyArray<readonly [words: RegExp, code: string]> = [
  // Dragonfly
  [/^out of memory/i, "OOM"],
  // Redis 6 and 7, Valkey: a command or key inside a script that the user has no right to
  [/^(the user executing the script can't|acl failure in script)/i, "NOPERM"],
  // Redis, Valkey: a script on a cluster
  [/^script attempted to access (a non local key|keys that do not hash to the same slot)/i, "CROSSSLOT"],
  [/^you can't write against a read only (replica|slave)/i, "READONLY"]
]

const withoutDash = (text: string): string => (text.startsWith("-") ? text.slice(1) : text)

/** The reply that ended a script, without what the server wraps around it. */
const insideOfScript = (text: string): string => {
  const wrapped = /^ERR Error running script \(call to [^)]*\): (.*)$/s.exec(text)?.[1]
  return wrapped === undefined ? text : withoutDash(wrapped.replace(/^(@?[\w-]+: ?\d*: )+/, ""))
}

/**
 * The kind of an error reply, in the words of Redis: WRONGTYPE, OOM, NOPERM, …; `ERR` for any other. `NOSCRIPTING` is
 * ours: the server does not know EVAL at all.
 */
export const of = (command: string, reply: string): string => {
  const text = insideOfScript(withoutDash(reply))
  const first = /^([A-Z][A-Z0-9_]*)\b/.exec(text)?.[1]
  if (first !== undefined && first !== "ERR") return first
  const words = first === undefined ? text : text.slice("ERR".length).trimStart()
  if (/^eval(sha)?$/i.test(command) && /^unknown command/i.test(words)) return "NOSCRIPTING"
  const second = /^-?([A-Z]+)\b/.exec(words)?.[1]
  if (second !== undefined && known.has(second)) return second
  return wordings.find(([wording]) => wording.test(words))?.[1] ?? "ERR"
}
