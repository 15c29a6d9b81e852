import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FOLDERS = ["agent-src", "bootstrap", "bundler", "client"];
// Timers and streams come in as arguments there: the protocol has no I/O of its own.
const IO_MODULES = new Set(builtinModules.filter((name) => !["buffer", "util"].includes(name)));

interface Import {
  readonly from: string;
  /** A path of ours, or a bare name. */
  readonly to: string;
  readonly typesOnly: boolean;
}

function sources(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name}`)
      .filter((name) => name.endsWith(".ts")),
  );
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const pattern = /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map(([, types, named, dynamic]) => {
    const specifier = named ?? dynamic ?? "";
    const to = specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier;
    return { from: file, to, typesOnly: types !== undefined };
  });
}

/** Why an import may not stand, or undefined. The rules are those of docs/design.md, "The house". */
function forbidden({ from, to, typesOnly }: Import): string | undefined {
  const ours = FOLDERS.find((folder) => to.startsWith(`${folder}/`));
  if (from.startsWith("agent-src/wire/")) {
    if (ours !== undefined && !to.startsWith("agent-src/wire/"))
      return "the wire imports nothing else of ours";
    if (ours === undefined && IO_MODULES.has(to.replace(/^node:/, ""))) return "the wire does no I/O";
    return undefined;
  }
  if (ours === undefined) {
    if (from.startsWith("agent-src/") && to.startsWith("node:")) return "Node 8 knows no node: prefix";
    return undefined;
  }
  if (from.startsWith("agent-src/") && ours !== "agent-src") return "the agent is closed";
  if (/^bootstrap\/(stage2|child-stage)\.ts$/.test(from) && !typesOnly) return "stages use built-ins only";
  if (from.startsWith("bundler/") && ours !== "bundler") return "the bundler knows nothing of the rest";
  if (from.startsWith("bootstrap/") && !["bundler", "bootstrap"].includes(ours))
    return "the bootstrap serves any agent";
  if (from.startsWith("client/") && ours === "agent-src" && !to.startsWith("agent-src/wire/") && !typesOnly) {
    return "the client shares the wire with the agent, and of the rest only types";
  }
  return undefined;
}

test("imports go only in the directions of the design", () => {
  const wrong = sources()
    .flatMap(importsOf)
    .flatMap((entry) => {
      const reason = forbidden(entry);
      return reason === undefined ? [] : [`${entry.from} imports ${entry.to}: ${reason}`];
    });
  assert.deepEqual(wrong, []);
});

test("the check of imports finds each kind of wrong direction", () => {
  const wrong: readonly Import[] = [
    { from: "agent-src/wire/mux.ts", to: "node:net", typesOnly: false },
    { from: "agent-src/wire/mux.ts", to: "agent-src/main.ts", typesOnly: false },
    { from: "agent-src/main.ts", to: "client/log.ts", typesOnly: false },
    { from: "agent-src/main.ts", to: "node:net", typesOnly: false },
    { from: "bootstrap/stage2.ts", to: "bootstrap/stage1.ts", typesOnly: false },
    { from: "bootstrap/child-stage.ts", to: "bootstrap/stage1.ts", typesOnly: false },
    { from: "bootstrap/launch.ts", to: "agent-src/wire/mux.ts", typesOnly: false },
    { from: "bundler/bundle.ts", to: "bootstrap/stage1.ts", typesOnly: false },
    { from: "client/tunnel.ts", to: "agent-src/main.ts", typesOnly: false },
  ];
  for (const entry of wrong) assert.notEqual(forbidden(entry), undefined, `${entry.from} -> ${entry.to}`);
  assert.equal(forbidden({ from: "client/tunnel.ts", to: "agent-src/main.ts", typesOnly: true }), undefined);
  assert.equal(
    forbidden({ from: "client/tunnel.ts", to: "agent-src/wire/mux.ts", typesOnly: false }),
    undefined,
  );
});

test("the check of imports reads real files", () => {
  assert.ok(sources().length > 10);
  assert.ok(
    importsOf("client/options.ts").some((entry) => entry.to === "client/subnet.ts" && !entry.typesOnly),
  );
});
