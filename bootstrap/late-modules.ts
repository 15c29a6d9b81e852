import type { Bundle } from "../bundler/format.ts";
import { groupsNeeded } from "../bundler/groups.ts";
import { encodeModules, modulesSent } from "./payload.ts";

/**
 * What has been sent of a bundle, and what a module needs beyond it: for the loader's fetchBy() on the far side, where
 * an import() has led to a group that was not sent.
 */
export class LateModules {
  private readonly bundle: Bundle;
  private readonly sent: Set<string>;

  /** @param groups those that were sent at the beginning, beside the entry's. */
  constructor(bundle: Bundle, groups: readonly string[] = []) {
    this.bundle = bundle;
    this.sent = new Set(modulesSent(bundle, groups).map(({ group }) => group));
  }

  /**
   * The groups that the module needs and that were not sent, with their maps; they count as sent from now on. Without
   * modules where all of them were; undefined if the bundle has no such module.
   */
  payloadFor(filename: string): Uint8Array | undefined {
    if (!this.bundle.modules.some((module) => module.filename === filename)) return undefined;
    const groups = groupsNeeded(this.bundle, filename).filter((group) => !this.sent.has(group));
    const modules = this.bundle.modules.filter(({ group }) => groups.includes(group));
    for (const group of groups) this.sent.add(group);
    return encodeModules(this.bundle, modules, modules.length > 0);
  }
}
