/**
 * What is loaded together.
 *
 * A dynamic import is a boundary. Modules are grouped by the boundaries that reach them statically: what
 * the entry reaches is the group ""; what one boundary alone reaches is its group; what several reach is
 * a group of its own, so that each module is in one group and is loaded once, and no boundary brings what
 * it does not need. A group is named after its first module that is imported dynamically, or else after
 * its first module. No two groups get one name, since the name is a module of the group.
 */
import type { Bundle, ModuleImport } from "./format.ts";

interface Node {
  readonly filename: string;
  readonly imports: readonly ModuleImport[];
}

/** The group of each module. `modules` starts with the entry; their order decides on names. */
export function assignGroups(modules: readonly Node[]): Map<string, string> {
  const byName = new Map(modules.map((module) => [module.filename, module]));
  const entry = modules[0]?.filename;
  const entryReach = entry === undefined ? new Set<string>() : staticReach(entry, byName);
  const boundaries = new Set(
    modules.flatMap((module) => module.imports.filter(({ kind }) => kind === "dynamic").map(targetOf)),
  );
  const reachedBy = new Map<string, string[]>();
  for (const { filename } of modules) {
    if (!boundaries.has(filename) || entryReach.has(filename)) continue;
    for (const reached of staticReach(filename, byName)) {
      if (entryReach.has(reached)) continue;
      reachedBy.set(reached, [...(reachedBy.get(reached) ?? []), filename]);
    }
  }
  const members = new Map<string, string[]>();
  for (const { filename } of modules) {
    const key = JSON.stringify(reachedBy.get(filename) ?? []);
    members.set(key, [...(members.get(key) ?? []), filename]);
  }
  const groups = new Map<string, string>();
  for (const [key, filenames] of members) {
    const name = key === "[]" ? "" : (filenames.find((filename) => boundaries.has(filename)) ?? filenames[0]);
    for (const filename of filenames) groups.set(filename, name ?? "");
  }
  return groups;
}

/**
 * The groups without which a module cannot be evaluated, those already there by the entry ("") left out,
 * in the order of the bundle.
 */
export function groupsNeeded(bundle: Bundle, filename: string): string[] {
  const byName = new Map(bundle.modules.map((module) => [module.filename, module]));
  const reach = staticReach(filename, byName);
  const names = bundle.modules.filter((module) => reach.has(module.filename)).map((module) => module.group);
  return [...new Set(names)].filter((name) => name !== "");
}

function staticReach(start: string, byName: ReadonlyMap<string, Node>): Set<string> {
  const reached = new Set<string>([start]);
  for (const filename of reached) {
    for (const edge of byName.get(filename)?.imports ?? []) {
      if (edge.kind === "static" && edge.filename !== undefined) reached.add(edge.filename);
    }
  }
  return reached;
}

function targetOf(edge: ModuleImport): string | undefined {
  return edge.filename;
}
