/** `sshuttle cleanup`: removes what crashed instances left in the firewall. */
import { readArguments } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import { FIREWALL_HELPER_COMMAND } from "../firewall-command.ts";
import { cleanUpFirewall } from "../firewall/launch-helper.ts";
import { HELP } from "../help.ts";

/**
 * Lists on stdout what it removed and what it left because its owner lives.
 * @throws UsageError, FirewallError.
 */
export async function runCleanup(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(argv, { help: { type: "boolean", short: "h" } });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  if (positionals.length > 0)
    throw new UsageError(`Cannot clean up "${positionals.join(" ")}": cleanup takes no arguments`);
  const { removed, kept } = await cleanUpFirewall(FIREWALL_HELPER_COMMAND);
  for (const line of removed) process.stdout.write(`removed ${line}\n`);
  for (const line of kept) process.stdout.write(`kept ${line}: its owner is running\n`);
  if (removed.length === 0) process.stdout.write("nothing was left behind\n");
  return 0;
}
