/** The text with control characters spelled out, so that no peer can move the cursor or retitle the window. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) =>
    char === "\t" ? char : `\\u{${char.codePointAt(0)?.toString(16) ?? ""}}`,
  );
}
