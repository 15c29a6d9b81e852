/** Patterns of ssh_config and known_hosts. Source: ssh_config(5), PATTERNS. */

/** Whether the whole text fits: "*" is any run of characters, "?" exactly one, everything else itself. */
export function matchesPattern(pattern: string, text: string): boolean {
  // Two cursors and one place to come back to: no regular expression, so no pattern takes exponential time.
  let at = 0;
  let star = -1;
  let resume = 0;
  let from = 0;
  while (from < text.length) {
    if (pattern[at] === "*") {
      star = at++;
      resume = from;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** Whether one pattern fits and no negated one ("!pattern") does; a list of negated ones alone never fits. */
export function matchesPatternList(patterns: readonly string[], text: string): boolean {
  let found = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, text)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}
