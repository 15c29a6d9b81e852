/**
 * What `sshuttle/bundler` offers to programs of others. What is not listed here, and in the package's other
 * exports, may change at any time. Nothing of ours imports this file.
 */
export { readArchive, writeArchive } from "./archive.ts";
export { bundle } from "./bundle.ts";
export type { BundleOptions } from "./bundle.ts";
export { SshuttleError } from "./error.ts";
export { BundleError } from "./errors.ts";
export type { BundleErrorCode } from "./errors.ts";
export type { Bundle, BundledModule, ModuleImport } from "./format.ts";
export { groupsNeeded } from "./groups.ts";
export { formatInspection, inspectBundle } from "./inspect.ts";
export type { InspectedModule, InspectedTotals, Inspection, StageFigures } from "./inspect.ts";
export { formatInspectionPage } from "./inspection-page.ts";
