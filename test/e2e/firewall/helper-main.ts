/** Stands where client/main.ts stands in the product: starts what the first argument names. */
import { runCleanup } from "../../../client/firewall/cleanup.ts";
import { runFirewallHelper } from "../../../client/firewall/helper.ts";

const [command, ...args] = process.argv.slice(2);
process.exitCode =
  command === "cleanup"
    ? await runCleanup([process.execPath, process.argv[1] ?? "", "firewall-helper"], console.log)
    : await runFirewallHelper(args);
