/**
 * The glob patterns of SCAN: `*`, `?`, `[a-c]`, `[^x]`, and `\` before a character that stands for itself. Patterns and texts are
 * byte strings, which have one character for each byte.
 *
 * @internal
 */

/**
 * Compiles a pattern to a test, which takes time linear in the text for each `*` at most.
 */
export const compile = (pattern: string): ((text: string) => boolean) => {
  const steps = parse(pattern)
  return (text) => matches(steps, text)
}

const anything = Symbol("*")
type Step = typeof anything | ((character: string) => boolean)

const parse = (pattern: string): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  let i = 0
  while (i < pattern.length) {
    const character = pattern.charAt(i)
    if (character === "[") {
      const [step, next] = parseClass(pattern, i + 1)
      steps.push(step)
      i = next
    } else if (character === "\\" && i + 1 < pattern.length) {
      steps.push(equals(pattern.charAt(i + 1)))
      i += 2
    } else {
      steps.push(character === "*" ? anything : character === "?" ? () => true : equals(character))
      i++
    }
  }
  return steps
}

const equals = (expected: string) => (character: string) => character === expected

const parseClass = (pattern: string, start: number): readonly [step: Step, next: number] => {
  const negated = pattern.charAt(start) === "^"
  const ranges: Array<readonly [low: string, high: string]> = []
  let i = negated ? start + 1 : start
  while (i < pattern.length && pattern.charAt(i) !== "]") {
    const character = pattern.charAt(i)
    if (character === "\\" && i + 1 < pattern.length) {
      ranges.push([pattern.charAt(i + 1), pattern.charAt(i + 1)])
      i += 2
    } else if (pattern.charAt(i + 1) === "-" && i + 2 < pattern.length) {
      const end = pattern.charAt(i + 2)
      ranges.push(character <= end ? [character, end] : [end, character])
      i += 3
    } else {
      ranges.push([character, character])
      i++
    }
  }
  const contains = (character: string) => ranges.some(([low, high]) => low <= character && character <= high)
  return [(character) => contains(character) !== negated, i + 1]
}

const matches = (steps: ReadonlyArray<Step>, text: string): boolean => {
  let step = 0
  let i = 0
  // where to continue when a step fails: after the last `*`, which then takes one character more
  let retryStep = -1
  let retryFrom = 0
  while (i < text.length) {
    const current = steps[step]
    if (current === anything) {
      retryStep = ++step
      retryFrom = i
    } else if (current?.(text.charAt(i))) {
      step++
      i++
    } else if (retryStep >= 0) {
      step = retryStep
      i = ++retryFrom
    } else {
      return false
    }
  }
  while (steps[step] === anything) step++
  return step === steps.length
}
