/** How the privileged helper is started: this program again, as a process of its own. */
import { fileURLToPath } from "node:url";

export const FIREWALL_HELPER = "firewall-helper";

export const FIREWALL_HELPER_COMMAND: readonly string[] = [
  process.execPath,
  fileURLToPath(new URL("main.js", import.meta.url)),
  FIREWALL_HELPER,
];
