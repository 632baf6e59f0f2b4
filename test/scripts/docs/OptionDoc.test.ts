import { describe, expect, it } from "@effect/vitest"
import { optionDoc } from "../../../scripts/docs/options/optionDoc.js"

/** Meaning and default of a comment. */
const cases: ReadonlyArray<readonly [comment: string, meaning: string, fallback: string | undefined]> = [
  ["how long it waits: default 5 seconds", "How long it waits", "5 seconds"],
  ["the share: default 0.1", "The share", "0.1"],
  ["most bytes: default 1,000,000", "Most bytes", "1,000,000"],
  ["how long a value is kept; default 1 minute", "How long a value is kept", "1 minute"],
  ["Whether it is shared. Default false", "Whether it is shared", "false"],
  ["A bound. Default: no bound.", "A bound", "no bound"],
  ["How long it may be: default zero. It is shortened.", "How long it may be. It is shortened", "zero"],
  ["how long: default 5 seconds; longer ones are cut", "How long; longer ones are cut", "5 seconds"],
  ["`lookup` (default) looks up; `fail` fails", "`lookup` (default) looks up; `fail` fails", "`lookup`"],
  ["default 2", "", "2"],
  ["what it is, whose default nobody knows", "What it is, whose default nobody knows", undefined],
  ["what it is", "What it is", undefined]
]

describe("the doc comment of an option", () => {
  it.each(cases)("is split into meaning and default: %s", (comment, meaning, fallback) => {
    expect(optionDoc(comment)).toEqual({ meaning, default: fallback })
  })
})
