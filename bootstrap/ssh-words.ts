/**
 * What OpenSSH says before it ends with 255, sorted into causes.
 *
 * Its status is the same for every failure, so its text is all there is. It is never translated; the patterns
 * are of whole lines, that no banner is taken for it lightly. Source: ssh.c, sshconnect.c, sshconnect2.c,
 * clientloop.c and packet.c of OpenSSH 9.2, and what it printed (test/unit/bootstrap/failure.test.ts).
 */
import { BootstrapError } from "./errors.ts";
import type { BootstrapErrorCode } from "./errors.ts";
import { quoteWords } from "./last-words.ts";

interface Cause {
  readonly line: RegExp;
  readonly code: BootstrapErrorCode;
  /** Completes "Cannot … ". */
  readonly deed: string;
  readonly hint: string;
}

const CANNOT_REACH = { code: "ssh-unreachable", deed: "reach" } as const;
const BY_HAND = "the same ssh command by hand, with -v, shows more";

/**
 * The first that fits any line wins. A jump host's ssh writes its reason first, and then the ssh that went
 * through it complains of a closed connection: hence closed connections come last.
 */
const CAUSES: readonly Cause[] = [
  {
    line: /^Host key for .* has changed and you have requested strict checking\.$/,
    code: "ssh-host-key",
    deed: "trust",
    hint: "find out whether the server got a new key; only then remove the old one with ssh-keygen -R",
  },
  {
    line: /^Host key verification failed\.$/,
    code: "ssh-host-key",
    deed: "trust",
    hint: "connect once by hand, compare the key's fingerprint, and accept it",
  },
  {
    line: /^(?:\S+: )?Permission denied \([\w@.,-]+\)\.$|: Too many authentication failures$|^No more authentication methods to try\.$/,
    code: "ssh-authentication",
    deed: "log in by",
    hint: "check user name and keys; ssh -v with the same destination shows what was offered",
  },
  {
    line: /^ssh: Could not resolve hostname /,
    code: "ssh-unresolved",
    deed: "find",
    hint: "check the host's spelling, the name service, and HostName in the ssh configuration",
  },
  {
    line: /^ssh: connect to host .*: Connection refused$/,
    ...CANNOT_REACH,
    hint: "check that sshd runs there, and on that port",
  },
  {
    line: /^ssh: connect to (?:host|address) |^Connection timed out during banner exchange$|^Connection to .* timed out$|^Timeout, server .* not responding\.$/,
    ...CANNOT_REACH,
    hint: "check address, port, and the networks and firewalls on the way",
  },
  {
    line: /Bad configuration option: |^Bad owner or permissions on |terminating, \d+ bad configuration options|^Can't open user config file /,
    code: "ssh-failed",
    deed: "use the configuration of",
    hint: "correct the ssh configuration, or the options given to ssh",
  },
  {
    line: /^Unable to negotiate with /,
    code: "ssh-failed",
    deed: "agree on algorithms with",
    hint: "one end is too old for the other: ssh_config(5) has the lists to add to",
  },
  {
    line: /^kex_exchange_identification: /,
    code: "ssh-failed",
    deed: "talk to",
    hint: "no sshd answers at that port, a ProxyCommand failed, or the server turns this address away",
  },
];

/** A connection that stood and broke; what a jump host's ssh says of its own is sorted above. */
const CUT =
  /^(?:client_loop: send disconnect: |Connection to .* closed by remote host\.$|Connection (?:reset|closed) by |packet_write_wait: |ssh_dispatch_run_fatal: |Read from remote host .*: )/;

/** `words` are the last lines of its stderr, printable. */
export function explainSshWords(where: string, words: readonly string[]): BootstrapError {
  const cause = CAUSES.find(({ line }) => words.some((word) => line.test(word)));
  if (cause !== undefined) {
    return new BootstrapError(cause.code, `Cannot ${cause.deed} ${where}${quoteWords("its words", words)}`, {
      hint: cause.hint,
    });
  }
  if (words.some((word) => CUT.test(word))) {
    return new BootstrapError(
      "ssh-failed",
      `Cannot start the agent by ${where}: the connection ended before it was ready${quoteWords("its words", words)}`,
      { hint: "see the network between, and whether the server ended the session: its log says so" },
    );
  }
  // A signal on the far side is told to ssh, and by ssh to nobody (clientloop.c knows "exit-status" only).
  const actual =
    words.length === 0
      ? ": before it was ready ssh ended with 255 and without a word, as if LogLevel were QUIET, or a signal had ended the command there"
      : `: before it was ready ssh ended with 255${quoteWords("its words", words)}`;
  return new BootstrapError("ssh-failed", `Cannot start the agent by ${where}${actual}`, {
    hint: BY_HAND,
  });
}
