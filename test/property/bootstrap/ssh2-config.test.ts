/** The configuration that we resolve, against what the machine's own ssh makes of the same file (`ssh -G`). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { HostSettings } from "../../../bootstrap/ssh2/host-settings.ts";
import { SshConfiguration, localFacts } from "../../../bootstrap/ssh2/read-config.ts";

const directory = mkdtempSync(join(tmpdir(), "ssh2-config-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "config");

/** `ssh -G` as a map of lists. */
function askSsh(host: string): Map<string, string[]> {
  const output = execFileSync("ssh", ["-F", file, "-G", host], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const values = new Map<string, string[]>();
  for (const line of output.trim().split("\n")) {
    const blank = line.indexOf(" ");
    const keyword = blank < 0 ? line : line.slice(0, blank);
    values.set(keyword, [...(values.get(keyword) ?? []), blank < 0 ? "" : line.slice(blank + 1)]);
  }
  return values;
}

/** What of `ssh -G` we have a word in, from our settings. */
function ourAnswer(settings: HostSettings): Record<string, string[] | undefined> {
  const { route } = settings;
  return {
    hostname: [settings.hostname],
    port: [String(settings.port)],
    user: [settings.user],
    proxycommand: route.kind === "command" ? [route.command] : undefined,
    proxyjump:
      route.kind === "jump"
        ? [
            route.jumps
              .map(
                ({ user, host, port }) =>
                  `${user === undefined ? "" : `${user}@`}${host}${port === undefined ? "" : `:${port}`}`,
              )
              .join(","),
          ]
        : undefined,
    hostkeyalias: settings.hostKeyAlias === undefined ? undefined : [settings.hostKeyAlias],
    stricthostkeychecking: [
      { yes: "true", no: "false", ask: "ask", "accept-new": "accept-new" }[settings.hostKeyPolicy],
    ],
    identitiesonly: [settings.identitiesOnly ? "yes" : "no"],
    batchmode: [settings.batchMode ? "yes" : "no"],
    connecttimeout: [
      settings.connectTimeoutMs === undefined ? "none" : String(settings.connectTimeoutMs / 1000),
    ],
    // Debian's ssh has another default for batches.
    ...(settings.batchMode ? {} : { serveraliveinterval: [String(settings.serverAliveIntervalMs / 1000)] }),
    numberofpasswordprompts: [String(settings.passwordPrompts)],
    userknownhostsfile: [settings.userKnownHostsFiles.join(" ")],
  };
}

function compare(text: string, host: string): void {
  writeFileSync(file, text);
  const theirs = askSsh(host);
  const settings = new SshConfiguration(file).settingsFor({ host });
  for (const [keyword, value] of Object.entries(ourAnswer(settings))) {
    assert.deepEqual(value, theirs.get(keyword), `${keyword} of ${host} in:\n${text}`);
  }
  if (settings.identitiesNamed) {
    const home = localFacts().home;
    const files = theirs.get("identityfile")?.map((name) => name.replace(/^~/, home));
    assert.deepEqual([...settings.identityFiles], files, `identityfile of ${host} in:\n${text}`);
  }
}

const HOSTS = ["alpha", "beta", "alpha.example", "beta.example"] as const;
const pattern = fc.constantFrom(
  "*",
  "alpha",
  "beta",
  "alp?a",
  "*.example",
  "!alpha",
  "!*.example",
  "b*",
  "a*e",
);
const user = fc.constantFrom("ann", "bob");
const directive = fc.oneof(
  fc.constantFrom(...HOSTS, "%h.example").map((name) => `HostName ${name}`),
  fc.integer({ min: 1, max: 65_535 }).map((port) => `Port ${port}`),
  user.map((name) => `user=${name}`),
  fc.constantFrom("~/one", "/two", '"/with blank"', "/three").map((path) => `IdentityFile ${path}`),
  fc.constantFrom("yes", "no", "ask", "accept-new").map((word) => `StrictHostKeyChecking ${word}`),
  fc.constantFrom("yes", "no").map((word) => `IdentitiesOnly ${word}`),
  fc.constantFrom("yes", "no").map((word) => `BatchMode ${word}`),
  fc.constantFrom("none", "jump", "ann@jump:2222", "one,bob@two").map((word) => `ProxyJump ${word}`),
  fc.constantFrom("none", "nc -X 5", "one -W two").map((word) => `ProxyCommand ${word}`),
  fc.constantFrom("5", "1m", "1m30s").map((word) => `ConnectTimeout ${word}`),
  fc.constantFrom("0", "15", "2m").map((word) => `ServerAliveInterval ${word}`),
  fc.constantFrom("/a", "/a /b").map((words) => `UserKnownHostsFile ${words}`),
  fc.constantFrom("one", "two").map((word) => `HostKeyAlias ${word}`),
  fc.integer({ min: 1, max: 9 }).map((count) => `NumberOfPasswordPrompts\t${count} # so many`),
  fc.constant("# nothing"),
  fc.constant(""),
);
const criterion = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("host", "!host", "originalhost", "!originalhost"),
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
    )
    .map(([word, list]) => `${word} ${list.join(",")}`),
  fc.tuple(fc.constantFrom("user", "!user"), user).map((words) => words.join(" ")),
  fc.constantFrom("exec true", "exec false", '!exec "test %h = alpha"', 'exec "test %n = beta"', "final"),
);
const header = fc.oneof(
  fc.array(pattern, { minLength: 1, maxLength: 3 }).map((list) => `Host ${list.join(" ")}`),
  fc.array(criterion, { minLength: 1, maxLength: 3 }).map((list) => `Match ${list.join(" ")}`),
  fc.constant("Match all"),
);
const section = fc
  .tuple(header, fc.array(directive, { maxLength: 6 }))
  .map(([head, body]) => [head, ...body.map((line) => `  ${line}`)].join("\n"));
const configuration = fc
  .tuple(fc.array(directive, { maxLength: 3 }), fc.array(section, { maxLength: 5 }))
  .map(([first, sections]) => `${[...first, ...sections].join("\n")}\n`);

test("what holds for a host is what ssh -G says of it, whatever the file", () => {
  fc.assert(fc.property(configuration, fc.constantFrom(...HOSTS), compare), { numRuns: 150 });
});
