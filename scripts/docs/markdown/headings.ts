/** Anchors of headings, as GitHub makes them. The site makes the same, so that one link works on both. */

/** The anchor of a heading's text, without the number that a repeated heading gets. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-")
