import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bundle, ModuleImport } from "../../../bundler/format.ts";
import { assignGroups, groupsNeeded } from "../../../bundler/groups.ts";

interface Node {
  readonly filename: string;
  readonly imports: readonly ModuleImport[];
}

/** "a: b ?c" is a module that imports b statically and c dynamically. */
function graph(...lines: string[]): Node[] {
  return lines.map((line) => {
    const [filename = "", rest = ""] = line.split(":");
    const imports = rest.split(" ").flatMap((word): ModuleImport[] => {
      if (word === "") return [];
      const target = word.replace("?", "");
      return [{ specifier: `./${target}`, filename: target, kind: word === target ? "static" : "dynamic" }];
    });
    return { filename, imports };
  });
}

function groupsOf(nodes: readonly Node[]): Record<string, string> {
  return Object.fromEntries(assignGroups(nodes));
}

function bundleOf(nodes: readonly Node[]): Bundle {
  const groups = assignGroups(nodes);
  const rest = { sourceBytes: 0, codeBytes: 0, usesDictionary: false, sha256: "" };
  const empty = { chunk: new Uint8Array(), map: new Uint8Array() };
  const modules = nodes.map((node) => ({
    ...node,
    ...rest,
    ...empty,
    group: groups.get(node.filename) ?? "",
  }));
  return { hash: "", entry: nodes[0]?.filename ?? "", modules };
}

test("assignGroups() gives what the entry reaches statically no group, cycles included", () => {
  assert.deepEqual(groupsOf(graph("main: a", "a: b", "b: a main")), { main: "", a: "", b: "" });
});

test("assignGroups() names a group after the module that is imported dynamically", () => {
  const nodes = graph("main: shared ?lazy", "shared:", "lazy: shared helper", "helper:");
  assert.deepEqual(groupsOf(nodes), { main: "", shared: "", lazy: "lazy", helper: "lazy" });
});

test("assignGroups() ignores a dynamic import of what is there anyway", () => {
  assert.deepEqual(groupsOf(graph("main: a ?a", "a:")), { main: "", a: "" });
});

test("assignGroups() puts what two groups need into a group of its own", () => {
  const nodes = graph("main: ?x ?y", "x: both", "y: both", "both: more", "more:");
  assert.deepEqual(groupsOf(nodes), { main: "", x: "x", y: "y", both: "both", more: "both" });
  assert.deepEqual(groupsNeeded(bundleOf(nodes), "x"), ["x", "both"]);
  assert.deepEqual(groupsNeeded(bundleOf(nodes), "y"), ["y", "both"]);
});

test("assignGroups() keeps groups apart where one boundary reaches another statically", () => {
  const nodes = graph("main: ?x ?y", "x: y own", "own:", "y: deep", "deep:");
  assert.deepEqual(groupsOf(nodes), { main: "", x: "x", own: "x", y: "y", deep: "y" });
  assert.deepEqual(groupsNeeded(bundleOf(nodes), "x"), ["x", "y"]);
  assert.deepEqual(groupsNeeded(bundleOf(nodes), "y"), ["y"]);
});

test("assignGroups() makes one group of boundaries that import each other", () => {
  assert.deepEqual(groupsOf(graph("main: ?x ?y", "x: y", "y: x")), { main: "", x: "x", y: "x" });
});

test("assignGroups() takes a dynamic import inside of a group for a boundary too", () => {
  const nodes = graph("main: ?x", "x: a ?y", "a:", "y: a b", "b:");
  assert.deepEqual(groupsOf(nodes), { main: "", x: "x", a: "a", y: "y", b: "y" });
});

test("groupsNeeded() is empty for what the entry needs", () => {
  assert.deepEqual(groupsNeeded(bundleOf(graph("main: a", "a:")), "a"), []);
});
