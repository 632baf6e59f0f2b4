/** The phrases that CONTRIBUTING.md bans. Each pattern matches across a line's end, and has no false alarm in this repository. */

export interface Phrase {
  readonly pattern: RegExp
  /** what to write in its place */
  readonly write: string
}

const callerWords = "the name of the thing: the caller, the reader, the process, the holder"

export const phrases: ReadonlyArray<Phrase> = [
  // as a subject without a noun; "a player who left" is fine, and so is a question
  { pattern: /(?<=^\s*|[.,;:(]\s+)who\b(?![^.]*\?)/gi, write: callerWords },
  {
    pattern:
      /\b(?:to|for|of|by|from|with|than|and|but|or|as|that|those|wakes?|whether|not|is|are|says?|tells?|knows?|about|only|even|all|ones?)\s+who\b(?![^.]*\?)/gi,
    write: callerWords
  },
  { pattern: /\b(?:whoever|whomever|whom)\b/gi, write: callerWords },
  { pattern: /\bbe\s+it\s+that\b/gi, write: "whether, or two sentences" },
  { pattern: /\b(?:is|are|was|were|be|been|being)\s+told\b(?!\s+apart)/gi, write: "resumes, receives, is called" },
  { pattern: /\btold\s+to\b/gi, write: "passed to, called with" },
  { pattern: /\b(?:goes|go|going|went|gone)\s+on\b/gi, write: "continues, resumes" },
  { pattern: /\bat\s+hand\b/gi, write: "in memory, in the local tier, found" },
  { pattern: /\bby\s+(?:itself|themselves|himself|herself)\b/gi, write: "alone, automatically, or nothing" },
  { pattern: /\bcomes?\s+by\b/gi, write: "arrives, is loaded" },
  { pattern: /\b(?:fly|flies|flown|flying)\b/gi, write: "load, run the lookup" },
  { pattern: /\bland(?:s|ed|ing)?\b/gi, write: "complete, settle, arrive" },
  { pattern: /\b(?:birth|born)\b/gi, write: "created at, creation time" },
  { pattern: /\b(?:askers?|tellers?)\b/gi, write: "callback, listener, caller" },
  { pattern: /\blet\s+in\b(?!to)/gi, write: "admitted, resumed" },
  { pattern: /\b(?:a|the|its|this|each|that|of)\s+gatherings?\b/gi, write: "batch, pending reads" },
  { pattern: /\bask(?:s|ed|ing)?\s+again\b/gi, write: "retries, repeats, reads again" },
  { pattern: /\bmade\s+of\s+it\b/gi, write: "the mapped value, the result" },
  { pattern: /\bthe\s+guide\b/gi, write: "the name of the rule or of the API that it gave" }
]
