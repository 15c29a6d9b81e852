/**
 * AES-GCM before OpenSSH's own first choice, where this CPU has instructions for it and nobody has said otherwise
 * (docs/cipher.md). What is offered is never more than ssh would offer by itself: only the order changes.
 */
import { basename } from "node:path";
import type { ConnectionOptions } from "./connection.ts";
import { cpuHasAes } from "./cpu-aes.ts";
import type { Log } from "./log.ts";
import type { Remote } from "./remote.ts";
import { askBuiltInConfiguration, askSshConfiguration } from "./ssh-configuration.ts";

/** Best first: AES-128 has 10 rounds, AES-256 14. */
const AES_GCM = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"] as const;

/** `ssh -G` takes some ms; what takes longer is a Match exec or a name service, which ssh itself will wait for again. */
const LIMIT_MS = 1000;

/** A list for ssh to be told, or why it is told none. */
export type CipherChoice = { readonly ciphers: readonly string[] } | { readonly left: string };

export interface PreferableOptions extends ConnectionOptions {
  /** False: ssh forwards by itself. Absent: true. */
  readonly agent?: boolean;
}

/**
 * The options, with an ssh command that names the ciphers if there is a preference. Says at -v which, or why not.
 * Never rejects: it is done without where anything is in the way. Wants to be begun early, and awaited late.
 */
export async function withCipherPreference<T extends PreferableOptions>(
  options: T,
  log: Log,
  hasAes: () => boolean | undefined = cpuHasAes,
): Promise<T> {
  if (options.remote === undefined) return options;
  const choice = await findChoice(options, options.remote, hasAes);
  if ("left" in choice) {
    log(1, `cipher: left to ${options.transport === "ssh2" ? "ssh2" : "ssh"}, ${choice.left}`);
    return options;
  }
  log(
    1,
    `cipher: ${choice.ciphers[0]} first, since the ssh configuration leaves it open and this CPU has AES instructions`,
  );
  // Behind the user's words, of which ssh takes the first; -c would take the place of theirs.
  return { ...options, sshCommand: [...options.sshCommand, `-oCiphers=${choice.ciphers.join(",")}`] };
}

async function findChoice(
  { transport, sshCommand, noCipherPreference = false, agent = true }: PreferableOptions,
  remote: Remote,
  hasAes: () => boolean | undefined,
): Promise<CipherChoice> {
  if (noCipherPreference) return { left: "by --no-cipher-preference" };
  // Its own list is the right one; test/unit/bootstrap/ssh2/algorithms.test.ts sees to that.
  if (transport === "ssh2")
    return { left: "which has AES-GCM first unless the configuration says otherwise" };
  const [program = "ssh"] = sshCommand;
  // What is no OpenSSH may ignore -G, and connect: dropbear's client does.
  if (!/^ssh(?:\.exe)?$/i.test(basename(program))) return { left: `since "${program}" may not be OpenSSH` };
  const known = hasAes();
  if (known === undefined) return { left: "since it is not known whether this CPU has AES instructions" };
  if (!known) return { left: "since this CPU has no AES instructions" };
  const [configured, builtIn] = await Promise.all([
    askSshConfiguration({ sshCommand, remote, runsCommand: agent }, LIMIT_MS),
    askBuiltInConfiguration(program, LIMIT_MS),
  ]);
  if (configured === undefined || builtIn === undefined) {
    return { left: `which did not say its configuration within ${LIMIT_MS / 1000} s (ssh -G)` };
  }
  return chooseCiphers(configured.ciphers, builtIn.ciphers);
}

/**
 * By what ssh would offer to this host and what it would offer without any configuration. Where they differ someone has
 * decided: the user, or the system's crypto policy.
 */
export function chooseCiphers(configured: readonly string[], builtIn: readonly string[]): CipherChoice {
  if (configured.join() !== builtIn.join()) return { left: "whose configuration has a list of its own" };
  const preferred: readonly string[] = AES_GCM.filter((name) => builtIn.includes(name));
  if (preferred.length === 0) return { left: "which has no AES-GCM" };
  const ciphers = [...preferred, ...builtIn.filter((name) => !preferred.includes(name))];
  return ciphers.join() === builtIn.join() ? { left: "which has AES-GCM first by itself" } : { ciphers };
}
