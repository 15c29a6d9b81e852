import { cleanUpFirewall } from "./launch-helper.ts";

/**
 * The command `sshuttle cleanup`: removes what instances left that ended without cleaning up, and says what.
 * Resolves with the exit status, 0 if nothing is left.
 * @param command argv of the helper, as in FirewallOptions.
 * @throws FirewallError "firewall-no-permission" if root cannot be had, "firewall-left-something"
 */
export async function runCleanup(command: readonly string[], print: (line: string) => void): Promise<number> {
  const { removed, kept } = await cleanUpFirewall(command);
  for (const line of removed) print(`removed ${line}`);
  for (const line of kept) print(`left alone, it is in use: ${line}`);
  if (removed.length === 0) print("nothing to remove");
  return 0;
}
