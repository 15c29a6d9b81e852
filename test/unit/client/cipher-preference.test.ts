import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { chooseCiphers, withCipherPreference } from "../../../client/cipher-preference.ts";
import { parseConnection } from "../../../client/connection.ts";
import { splitCommand } from "../../../client/shell-words.ts";

const [GCM128, GCM256] = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
const CHACHA = "chacha20-poly1305@openssh.com";
const CTR = ["aes128-ctr", "aes192-ctr", "aes256-ctr"];
/** Of OpenSSH 9.2. */
const BUILT_IN = [CHACHA, ...CTR, GCM128, GCM256];

const folder = mkdtempSync(join(tmpdir(), "cipher-preference-"));
after(() => rmSync(folder, { recursive: true }));

describe("chooseCiphers()", () => {
  test("puts AES-GCM first, AES-128 before AES-256, and the rest in its order, where nothing is configured", () => {
    assert.deepEqual(chooseCiphers(BUILT_IN, BUILT_IN), { ciphers: [GCM128, GCM256, CHACHA, ...CTR] });
    const other = [CHACHA, GCM256, GCM128, ...CTR];
    assert.deepEqual(chooseCiphers(other, other), { ciphers: [GCM128, GCM256, CHACHA, ...CTR] });
  });

  test("offers nothing that ssh would not offer", () => {
    const [without128, without256] = [GCM128, GCM256].map((gone) => BUILT_IN.filter((name) => name !== gone));
    assert.deepEqual(chooseCiphers(without128 ?? [], without128 ?? []), {
      ciphers: [GCM256, CHACHA, ...CTR],
    });
    assert.deepEqual(chooseCiphers(without256 ?? [], without256 ?? []), {
      ciphers: [GCM128, CHACHA, ...CTR],
    });
    assert.deepEqual(chooseCiphers([CHACHA, ...CTR], [CHACHA, ...CTR]), { left: "which has no AES-GCM" });
  });

  test("leaves every list alone that is not the one compiled in", () => {
    const lists = {
      "the user excludes AES-GCM": [CHACHA, ...CTR],
      "the user lists chacha20 only": [CHACHA],
      "the user has AES-CTR first": [...CTR, CHACHA, GCM128, GCM256],
      "a crypto policy of the system": [GCM256, CHACHA, "aes256-ctr", GCM128, "aes128-ctr"],
      "one more than compiled in": [...BUILT_IN, "aes128-cbc"],
      "an ssh that names none": [],
    };
    for (const [title, configured] of Object.entries(lists)) {
      assert.ok("left" in chooseCiphers(configured, BUILT_IN), title);
    }
  });

  test("says nothing to an ssh that has AES-GCM first by itself", () => {
    const list = [GCM128, GCM256, CHACHA, ...CTR];
    assert.deepEqual(chooseCiphers(list, list), { left: "which has AES-GCM first by itself" });
  });
});

describe("withCipherPreference()", () => {
  const builtIn = ciphersOf(["ssh", "-F", "none"]);
  const preferred = [GCM128, GCM256, ...builtIn.filter((name) => name !== GCM128 && name !== GCM256)];

  test("where nothing is configured, real ssh offers the same ciphers, AES-GCM first", async () => {
    const { sshCommand, said } = await prefer("ssh -F none -4");
    assert.deepEqual(sshCommand.slice(0, -1), ["ssh", "-F", "none", "-4"]);
    assert.deepEqual(ciphersOf(sshCommand), preferred);
    assert.deepEqual(said, [
      [
        1,
        `cipher: ${GCM128} first, since the ssh configuration leaves it open and this CPU has AES instructions`,
      ],
    ]);
  });

  test("a session without a command, as of --no-agent, has the same", async () => {
    assert.deepEqual(ciphersOf((await prefer("ssh -F none", { agent: false })).sshCommand), preferred);
  });

  test("what the configuration says of the host, or the user's ssh command, is left as it is", async () => {
    const file = join(folder, "config");
    const excluding = `Host careful\n  Ciphers -aes*gcm*\nHost chacha\n  Ciphers ${CHACHA}\nMatch user strict\n  Ciphers aes256-ctr\n`;
    writeFileSync(file, excluding);
    for (const [command, destination] of [
      [`ssh -F ${file}`, "careful"],
      [`ssh -F ${file}`, "chacha"],
      [`ssh -F ${file}`, "strict@host"],
      ["ssh -F none -c aes256-ctr", "host"],
      ["ssh -F none -caes128-ctr", "host"],
      ["ssh -F none -o Ciphers=^aes256-ctr", "host"],
      [`ssh -F none -oCiphers=-${GCM128}`, "host"],
    ] as const) {
      const { sshCommand, said } = await prefer(command, { destination });
      assert.deepEqual(sshCommand, splitCommand(command), destination);
      assert.deepEqual(said, [[1, "cipher: left to ssh, whose configuration has a list of its own"]]);
    }
    // The same file leaves it open for others.
    assert.deepEqual(ciphersOf((await prefer(`ssh -F ${file}`)).sshCommand), preferred);
  });

  test("a -c of the user's that names what is compiled in stands, too", async () => {
    const { sshCommand } = await prefer(`ssh -F none -c ${builtIn.join()}`);
    assert.deepEqual(ciphersOf(sshCommand), builtIn);
  });

  test("is done without, and says so at -v only, where something is in the way", async () => {
    for (const [command, options, reason] of [
      ["ssh -F none", { noCipherPreference: true }, /^cipher: left to ssh, by --no-cipher-preference$/],
      ["ssh -F none", { hasAes: false }, /since this CPU has no AES instructions$/],
      ["ssh -F none", { hasAes: undefined }, /not known whether this CPU/],
      ["ssh -F /nonexistent/file", {}, /did not say its configuration/],
      [join(folder, "no", "ssh"), {}, /did not say its configuration/],
      ["ssh", { transport: "ssh2" }, /^cipher: left to ssh2, which has AES-GCM first/],
    ] as const) {
      const { sshCommand, said } = await prefer(command, options);
      assert.deepEqual(sshCommand, splitCommand(command));
      assert.equal(said.length, 1);
      const [level, line = ""] = said[0] ?? [];
      assert.equal(level, 1);
      assert.match(line, reason);
    }
  });

  test("a program of another name is not asked, since what ignores -G would connect", async () => {
    const mark = join(folder, "was-run");
    writeFileSync(join(folder, "dbclient"), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    const { said } = await prefer(join(folder, "dbclient"));
    assert.match(said[0]?.[1] ?? "", /dbclient" may not be OpenSSH$/);
    assert.throws(() => execFileSync("ls", [mark], { stdio: "ignore" }));
  });

  test("an ssh that does not answer is waited for a second", async () => {
    writeFileSync(join(folder, "ssh"), "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
    const before = performance.now();
    const { said } = await prefer(join(folder, "ssh"));
    assert.ok(performance.now() - before < 10_000);
    assert.match(said[0]?.[1] ?? "", /within 1 s/);
  });

  test("an agent on this machine has no cipher", async () => {
    const said: string[] = [];
    const options = parseConnection({});
    assert.equal(await withCipherPreference(options, (_level, text) => void said.push(text)), options);
    assert.deepEqual(said, []);
  });
});

interface Circumstances {
  readonly destination?: string;
  readonly hasAes?: boolean | undefined;
  readonly agent?: boolean;
  readonly noCipherPreference?: boolean;
  readonly transport?: "openssh" | "ssh2";
}

async function prefer(
  command: string,
  { destination = "host", ...rest }: Circumstances = {},
): Promise<{ readonly sshCommand: readonly string[]; readonly said: [number, string][] }> {
  const { hasAes, ...options } = { hasAes: true, transport: "openssh" as const, ...rest };
  const said: [number, string][] = [];
  const { sshCommand } = await withCipherPreference(
    { remote: { destination }, sshCommand: splitCommand(command), ...options },
    (level, text) => void said.push([level, text]),
    () => hasAes,
  );
  return { sshCommand, said };
}

/** What that command would offer. */
function ciphersOf([program = "", ...args]: readonly string[]): string[] {
  const output = execFileSync(program, [...args, "-G", "host"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return /^ciphers (.*)$/m.exec(output)?.[1]?.split(",") ?? [];
}
