import assert from "node:assert/strict";
import test from "node:test";
import { BOOTSTRAP_ERRORS } from "../../../bootstrap/errors.ts";
import type { BootstrapError, BootstrapErrorCode } from "../../../bootstrap/errors.ts";
import { explainFailure } from "../../../bootstrap/failure.ts";
import type { FailureEvidence } from "../../../bootstrap/failure.ts";

const MARK = "1f0c5a7be2d94c3380aa61d2b7f3e914";

function explain(evidence: Partial<FailureEvidence>): BootstrapError {
  return explainFailure({
    description: "ssh alice@host",
    code: null,
    signal: null,
    stderr: "",
    noise: new Uint8Array(),
    mark: MARK,
    timedOut: false,
    ...evidence,
  });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Printed by OpenSSH 9.2p1 with status 255, each in the situation that names it. */
const SSH_WORDS: readonly { situation: string; code: BootstrapErrorCode; stderr: string }[] = [
  {
    situation: "a key that the server does not know",
    code: "ssh-authentication",
    stderr: "root@127.0.0.1: Permission denied (publickey).\r\n",
  },
  {
    situation: "a private key that others may read",
    code: "ssh-authentication",
    stderr: `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Permissions 0644 for 'key' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key "key": bad permissions
root@127.0.0.1: Permission denied (publickey).
`,
  },
  {
    situation: "another host key than known_hosts has",
    code: "ssh-host-key",
    stderr: `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:uIsjq/QuqsRM5HZqSd33DFb9zfWhJtbKRORXVB0i3QI.
Please contact your system administrator.
Add correct host key in known_hosts to get rid of this message.
Offending ED25519 key in known_hosts:1
  remove with:
  ssh-keygen -f "known_hosts" -R "[127.0.0.1]:22422"
Host key for [127.0.0.1]:22422 has changed and you have requested strict checking.
Host key verification failed.
`,
  },
  {
    situation: "a host key that known_hosts lacks",
    code: "ssh-host-key",
    stderr: `No ED25519 host key is known for [127.0.0.1]:22422 and you have requested strict checking.
Host key verification failed.
`,
  },
  {
    situation: "a port where nobody listens",
    code: "ssh-unreachable",
    stderr: "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n",
  },
  {
    situation: "an address without a route",
    code: "ssh-unreachable",
    stderr: "ssh: connect to host 2001:db8::1 port 1: No route to host\r\n",
  },
  {
    situation: "a peer that accepts and stays silent",
    code: "ssh-unreachable",
    stderr: "Connection timed out during banner exchange\r\nConnection to 10.255.255.1 port 22 timed out\r\n",
  },
  {
    situation: "a name that does not exist",
    code: "ssh-unresolved",
    stderr: "ssh: Could not resolve hostname nosuch.invalid: Name or service not known\r\n",
  },
  {
    situation: "a jump host where nobody listens",
    code: "ssh-unreachable",
    stderr: `ssh: connect to host 127.0.0.1 port 1: Connection refused
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535
`,
  },
  {
    situation: "a ProxyCommand that does not exist",
    code: "ssh-failed",
    stderr: `/bin/bash: line 1: exec: nosuchprog: not found
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535
`,
  },
  {
    situation: "no cipher in common",
    code: "ssh-failed",
    stderr:
      "Unable to negotiate with 127.0.0.1 port 22422: no matching cipher found. Their offer: aes128-ctr\r\n",
  },
  {
    situation: "an option that it does not know",
    code: "ssh-failed",
    stderr: "command-line: line 0: Bad configuration option: nosuchoption\r\n",
  },
  {
    situation: "an sshd that was killed",
    code: "ssh-failed",
    stderr: "Connection to host closed by remote host.\r\n",
  },
  { situation: "a command that a signal ended", code: "ssh-failed", stderr: "" },
];

for (const { situation, code, stderr } of SSH_WORDS) {
  test(`explainFailure() calls it ${code}: ${situation}`, () => {
    const error = explain({ code: 255, stderr });
    assert.equal(error.code, code);
    assert.equal(error.exitCode, BOOTSTRAP_ERRORS[code]);
    assert.ok(error.message.includes("ssh alice@host"), error.message);
    const last = stderr.trim().split(/\r?\n/).at(-1) ?? "";
    assert.ok(error.message.includes(last), error.message);
    assert.match(error.hint ?? "", /^[^\n]+$/);
  });
}

test("explainFailure() shows the lines of a changed host key that matter, and no frame around them", () => {
  const changed = SSH_WORDS.find(({ situation }) => situation.startsWith("another host key"));
  const { message } = explain({ code: 255, stderr: changed?.stderr ?? "" });
  assert.match(message, /^ {2}SHA256:uIsjq/m);
  assert.match(message, /^ {2}Offending ED25519 key in known_hosts:1$/m);
  assert.doesNotMatch(message, /@@@/);
});

test("explainFailure() takes no banner for ssh's own words", () => {
  const stderr = "Note: Host key verification failed. happens here at times; Permission denied (ha).\n";
  assert.equal(explain({ code: 255, stderr }).code, "ssh-failed");
});

test("explainFailure() names the program that cannot be started", () => {
  const startError = Object.assign(new Error("spawn nossh ENOENT"), { code: "ENOENT", path: "nossh" });
  const error = explain({ startError });
  assert.equal(error.code, "ssh-missing");
  assert.equal(error.message, 'Cannot start "nossh": spawn nossh ENOENT');
  assert.equal(error.cause, startError);
});

test("explainFailure() lists what stage 0 tried", () => {
  const stderr = `welcome\nfetching mail… ${MARK} 97 tried: node: sh: node: not found, /opt/node/bin/node: bad ELF,\n`;
  const error = explain({ code: 97, stderr });
  assert.equal(error.code, "runtime-missing");
  assert.match(error.message, /: tried node: sh: node: not found, \/opt\/node\/bin\/node: bad ELF$/);
});

test("explainFailure() knows status 97 without stage 0's line", () => {
  const error = explain({ code: 97 });
  assert.equal(error.code, "runtime-missing");
  assert.match(error.message, /nothing that looks like one/);
});

test("explainFailure() tells a runtime that is too old from none", () => {
  const error = explain({
    code: 97,
    stderr: `${MARK} 97 tried: node: v6.1.0, nodejs: sh: nodejs: not found,\n`,
  });
  assert.equal(error.code, "runtime-too-old");
  assert.match(error.message, /tried node: v6\.1\.0, nodejs: sh: nodejs: not found, needed is Node 8/);
});

test("explainFailure() has stage 2's counts", () => {
  const error = explain({ code: 98, stderr: `${MARK} 98 received 4096 of 14012 bytes\r\n` });
  assert.equal(error.code, "upload-truncated");
  assert.equal(error.exitCode, 74);
  assert.match(error.message, /4096 of 14012 bytes arrived/);
});

test("explainFailure() tells bytes that changed from bytes that are missing", () => {
  const stderr = `${MARK} 98 received 14012 of 14012 bytes\n`;
  assert.match(explain({ code: 98, stderr }).message, /all 14012 bytes arrived, but not as/);
});

test("explainFailure() does not believe a line with another mark", () => {
  const error = explain({ code: 1, stderr: "00000000000000000000000000000000 97 tried: node\n" });
  assert.equal(error.code, "shell-refused");
});

test("explainFailure() shows the trace of an agent that crashed, lines below each other", () => {
  const stderr = `motd
TypeError: Cannot read properties of undefined (reading 'length')
    at fail (agent-src/main.ts:12:5)
    at Object.<anonymous> (agent-src/main.ts:20:1)
`;
  const error = explain({ code: 99, stderr });
  assert.equal(error.code, "agent-crashed");
  assert.match(error.message, /^ {6}at fail \(agent-src\/main\.ts:12:5\)$/m);
});

for (const [what, code, stderr] of [
  [
    "a syntax error",
    1,
    "[eval]:1\nvar x = ;\n\nSyntaxError: Unexpected token\n    at new Script (vm.js:79:7)\n",
  ],
  ["an option that it does not know", 9, "/usr/bin/node: bad option: --bogus\n"],
  [
    "a library that it lacks",
    127,
    "node: error while loading shared libraries: libatomic.so.1: cannot open\n",
  ],
] as const) {
  test(`explainFailure() knows a runtime by its words: ${what}`, () => {
    assert.equal(explain({ code, stderr }).code, "agent-crashed");
  });
}

test("explainFailure() shows what an rc file printed that ended the session with 0", () => {
  const error = explain({ code: 0, noise: bytes("Choose a project:\r\n 1) web\n") });
  assert.equal(error.code, "shell-refused");
  assert.match(
    error.message,
    /ended with 0 before ours began, having printed "Choose a project: \/ 1\) web"/,
  );
  assert.match(error.hint ?? "", /forced command/);
});

for (const [reason, evidence] of [
  ["internal-sftp", { code: 1, noise: bytes("This service allows sftp connections only.\r\n") }],
  ["nologin", { code: 1, noise: bytes("motd\nThis account is currently not available.\n") }],
  ["sftp-server", { code: 11 }],
] as const) {
  test(`explainFailure() knows an account that may not run commands: ${reason}`, () => {
    const error = explain(evidence);
    assert.equal(error.code, "shell-refused");
    assert.match(error.hint ?? "", new RegExp(`may not run commands \\(.*${reason}`));
  });
}

test("explainFailure() says that there is no sh, and on Windows why", () => {
  const posix = explain({ code: 127, stderr: "fish: Unknown command: sh\n" });
  assert.equal(posix.code, "shell-refused");
  assert.match(posix.hint ?? "", /must be a sh on the login's PATH/);
  const stderr =
    "'sh' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n";
  const windows = explain({ code: 1, stderr });
  assert.equal(windows.code, "shell-refused");
  assert.match(windows.hint ?? "", /Windows/);
});

test("explainFailure() knows a standard input that an rc file has read empty", () => {
  assert.equal(explain({ code: 96 }).code, "shell-no-input");
});

test("explainFailure() knows the signal that a status stands for", () => {
  const killed = explain({ code: 137 });
  assert.equal(killed.code, "far-side-killed");
  assert.match(killed.message, /SIGKILL ended it there \(status 137\)/);
  assert.match(killed.hint ?? "", /memory/);
  assert.match(explain({ code: 132 }).hint ?? "", /processor/);
});

test("explainFailure() tells a signal on this machine from one on the far side", () => {
  const error = explain({ signal: "SIGTERM" });
  assert.equal(error.code, "far-side-killed");
  assert.match(error.message, /SIGTERM ended the process on this machine/);
});

test("explainFailure() calls a time-out by its name, whatever signal enforced it", () => {
  const error = explain({ timedOut: true, signal: "SIGKILL", noise: bytes("Password: ") });
  assert.equal(error.code, "far-side-silent");
  assert.match(error.message, /having printed "Password:"/);
});

test("explainFailure() says how much noise was too much", () => {
  const error = explain({ noiseLimitBytes: 65_536, signal: "SIGTERM", noise: bytes("yes\n".repeat(9999)) });
  assert.equal(error.code, "noise-limit");
  assert.match(error.message, /more than 65536 bytes came before it, having printed "yes \/ yes/);
  assert.ok(error.message.length < 500, error.message);
});

test("explainFailure() spells out control characters and bounds what it quotes", () => {
  const stderr = `\u001b]0;owned\u0007${"x".repeat(10_000)}\n`.repeat(100);
  const noise = new Uint8Array([0x1b, 0x5b, 0x32, 0x4a, 0xff]);
  const { message } = explain({ code: 1, stderr, noise, description: "ssh \u001b[2J" });
  assert.doesNotMatch(message.replaceAll("\n", ""), /\p{Cc}/u);
  assert.match(message, /\\u\{1b\}\]0;owned\\u\{7\}/);
  assert.ok(message.length < 12 * 450 + 500, String(message.length));
});
