/** `sshuttle cleanup`: removes what crashed instances left in the firewall. */
import { readArguments } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import { FIREWALL_HELPER_COMMAND } from "../firewall-command.ts";
import { runCleanup } from "../firewall/cleanup.ts";
import { HELP } from "../help.ts";

/**
 * Lists on stdout what it removed and what it left because its owner lives.
 * @throws UsageError, FirewallError.
 */
export async function runCleanupCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(argv, { help: { type: "boolean", short: "h" } });
  const print = (line: string): void => void process.stdout.write(line);
  if (values.help === true) {
    print(HELP);
    return 0;
  }
  if (positionals.length > 0) {
    throw new UsageError(`Cannot clean up "${positionals.join(" ")}": cleanup takes no arguments`);
  }
  return runCleanup(FIREWALL_HELPER_COMMAND, (line) => print(`${line}\n`));
}
