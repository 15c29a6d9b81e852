/**
 * The finishing touches to what esbuild makes of one module.
 *
 * esbuild compiles each module without knowing the others. Three things depend on them, or on the place
 * where the text runs: whether `import x from` means `module.exports` or `exports.default`, builtins'
 * names for Node 8, and import.meta.url. Places to change are found by text, and only believed where the
 * map has a segment there: so a string that merely looks like code stays as it is.
 */
import { isBuiltin } from "node:module";
import { IMPORT_META } from "./esbuild-options.ts";
import { applyEdits, segmentOffsets } from "./mapped-text.ts";
import { exportEdits } from "./export-prologue.ts";
import type { Edit, MappedText } from "./mapped-text.ts";

/** What esbuild makes of import(); it cannot wait for anything to come. */
const IMPORT = "Promise.resolve().then(()=>";

const REQUIRE = /(__toESM\()?\brequire\(("(?:[^"\\]|\\.)*")\)(,1\))?/g;

const RENAMED_CLASS = /(?<![\w$])(_[\w$]+)=class \1(?![\w$])/g;

const STRICT = '"use strict";';

/** What import.meta has; the URL in Node's own spelling, from what Node 8 has. */
const META_VALUES: readonly (readonly [name: string, value: string])[] = [
  [IMPORT_META.url, '"file://"+encodeURI(__filename).replace(/[?#]/g,encodeURIComponent)'],
  [IMPORT_META.filename, "__filename"],
  [IMPORT_META.dirname, "__dirname"],
];

/** Of the names that CommonJS gives a module, esbuild keeps `module` and `require` free, and not these. */
const OWN_NAME = /(?<![.\w$"'`])(?:exports|__filename|__dirname)(?![\w$"'`])/;

export interface Surroundings {
  /** ES modules are strict without saying so. */
  readonly isEsm: boolean;
  /** Does the specifier lead to what was an ES module? */
  readonly leadsToEsm: (specifier: string) => boolean;
  /** Filename of the module that import() of the specifier leads to, if it is in another group that may come later. */
  readonly leadsToLate?: (specifier: string) => string | undefined;
}

/** The text without a `#!` line, which only some loaders skip. */
export function dropHashbang({ text, segments }: MappedText): MappedText {
  if (!text.startsWith("#!")) return { text, segments };
  const end = text.indexOf("\n") + 1;
  return {
    text: text.slice(end),
    segments: segments
      .filter((segment) => segment.generatedLine > 0)
      .map((segment) => ({ ...segment, generatedLine: segment.generatedLine - 1 })),
  };
}

export function finishText(compiled: MappedText, surroundings: Surroundings): MappedText {
  const tokens = new Set(segmentOffsets(compiled));
  const { text } = compiled;
  const isBlock = surroundings.isEsm && OWN_NAME.test(text);
  const edits = [
    ...startEdits(text, surroundings, isBlock),
    ...requireEdits(text, tokens, surroundings),
    ...classNameEdits(text, tokens),
  ];
  const finished = applyEdits(
    compiled,
    edits.toSorted((a, b) => a.start - b.start),
  );
  // Within the block `exports` may be a variable of the module's own.
  if (isBlock)
    return applyEdits(finished, [
      { start: finished.text.length, end: finished.text.length, replacement: "}" },
    ]);
  // Last, since it asks what is still in use.
  return applyEdits(finished, exportEdits(finished.text, startOf(finished.text), segmentOffsets(finished)));
}

function startOf(text: string): number {
  return text.startsWith(STRICT) ? STRICT.length : 0;
}

/** The specifier by which the far side finds a module: Node 8 knows no "node:net". */
export function portableSpecifier(specifier: string): string {
  const bare = specifier.replace(/^node:/, "");
  return isBuiltin(bare) ? bare : specifier;
}

/**
 * An ES module may declare `exports`, `__filename` and `__dirname`, as many do: in a block, since CommonJS has
 * them as parameters, beside which no `let` may stand.
 */
function startEdits(text: string, { isEsm }: Surroundings, isBlock: boolean): Edit[] {
  const start = startOf(text);
  const strict = isEsm && start === 0 ? STRICT : "";
  const meta = META_VALUES.flatMap(([name, value]) => (text.includes(name) ? `var ${name}=${value};` : []));
  const replacement = [strict, ...meta, isBlock ? "{" : ""].join("");
  return replacement === "" ? [] : [{ start, end: start, replacement }];
}

function requireEdits(
  text: string,
  tokens: ReadonlySet<number>,
  { leadsToEsm, leadsToLate }: Surroundings,
): Edit[] {
  const edits: Edit[] = [];
  for (const match of text.matchAll(REQUIRE)) {
    const [whole, toEsm = "", quoted = "", nodeMode = ""] = match;
    const call = match.index + toEsm.length;
    const start = call + "require(".length;
    const end = match.index + whole.length;
    // An import statement is mapped at the call, a call and import() at the specifier.
    if (![match.index, call, start].some((offset) => tokens.has(offset))) continue;
    const specifier: unknown = JSON.parse(quoted);
    if (typeof specifier !== "string") continue;
    const late = text.endsWith(IMPORT, match.index) ? leadsToLate?.(specifier) : undefined;
    if (late !== undefined) {
      const from = match.index - IMPORT.length;
      const arrival = `require("sshuttle:loader").arrive(${JSON.stringify(late)})`;
      edits.push(
        { start: from, end: from + "Promise.resolve()".length, replacement: arrival },
        // By its name there: a table of imports cannot lead to what has not come.
        { start, end: start + quoted.length, replacement: JSON.stringify(`/${late}`) },
      );
      // What an ES module exports is its namespace already.
      if (toEsm !== "" && leadsToEsm(specifier)) {
        edits.push(
          { start: match.index, end: call, replacement: "" },
          nodeMode === ""
            ? { start: end, end: end + ")".length, replacement: "" }
            : { start: end - nodeMode.length, end, replacement: "" },
        );
      }
      continue;
    }
    const portable = portableSpecifier(specifier);
    if (portable !== specifier) {
      edits.push({ start, end: start + quoted.length, replacement: JSON.stringify(portable) });
    }
    // ",1" asks for Node's way with CommonJS: the default export is module.exports, marked or not.
    if (toEsm !== "" && nodeMode !== "" && leadsToEsm(specifier)) {
      edits.push({ start: end - nodeMode.length, end, replacement: ")" });
    }
  }
  return edits;
}

/**
 * A class that mentions itself comes as `const _A=class _A{…};…;let A=_A`, which would show in traces and
 * in `constructor.name`. Its own name is free inside: esbuild has renamed all that meant it.
 */
function classNameEdits(text: string, tokens: ReadonlySet<number>): Edit[] {
  return [...text.matchAll(RENAMED_CLASS)].flatMap(({ index, 0: whole, 1: alias = "" }) => {
    const name = new RegExp(`\\blet ([\\w$]+)=${alias.replaceAll("$", "\\$")};`).exec(text)?.[1];
    if (name === undefined || !tokens.has(index)) return [];
    return [{ start: index + whole.length - alias.length, end: index + whole.length, replacement: name }];
  });
}
