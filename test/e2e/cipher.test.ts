/** Which cipher is agreed on, as the server's own log has it: by default, and by every way to say otherwise. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cpuHasAes } from "../../client/cpu-aes.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { withTunnel } from "../lab/tunnel.ts";

const MAIN = `${PROJECT_IN_LAB}/dist/client/main.js`;
const GCM = "aes128-gcm@openssh.com";
const CHACHA = "chacha20-poly1305@openssh.com";
const PORT = { any: 2210, chacha: 2211 } as const;
const SOCKS = ["--socks", "127.0.0.1:1080"];

const lab = await createLab();
after(() => lab.close());
const file = (name: string): string => join(lab.directory, name);
const byOpenssh = ["-e", `ssh -F ${lab.sshConfig}`];

let sshd: Readonly<Record<keyof typeof PORT, LabProcess>>;
/** What ssh does by itself. */
let usual = "";

before(async () => {
  sshd = {
    any: await startSshd(PORT.any, "LogLevel DEBUG1"),
    chacha: await startSshd(PORT.chacha, `LogLevel DEBUG1\nCiphers ${CHACHA}`),
  };
  writeFileSync(file("hello.js"), "console.log('hello');\n");
  writeFileSync(file("with-ctr"), `Ciphers aes256-ctr\nInclude ${lab.sshConfig}\n`);
  writeFileSync(file("without-gcm"), `Host server\n  Ciphers -aes*gcm*\nInclude ${lab.sshConfig}\n`);
  usual = await cipherOf(() =>
    lab.client.shell(`ssh -F ${lab.sshConfig} -p ${PORT.any} server true`).then(() => undefined),
  );
});

/** Another sshd on the server. Of a keyword said twice, sshd takes the first. */
async function startSshd(port: number, lines: string): Promise<LabProcess> {
  writeFileSync(file(`sshd_${port}`), `Port ${port}\n${lines}\n${readFileSync(file("sshd_config"), "utf8")}`);
  const started = lab.server.start(["/usr/sbin/sshd", "-D", "-e", "-f", file(`sshd_${port}`)]);
  await started.output(/Server listening on :: /);
  return started;
}

/** Of the one connection that is made meanwhile. */
async function cipherOf(connect: () => Promise<void>, to: keyof typeof PORT = "any"): Promise<string> {
  const start = sshd[to].said.length;
  await connect();
  const said = sshd[to].said.slice(start);
  const ciphers = [...said.matchAll(/kex: client->server cipher: (\S+)/g)].map(([, cipher = ""]) => cipher);
  assert.equal(ciphers.length, 1, said);
  return ciphers[0] ?? "";
}

/** A tunnel by these options, to its work and to its end; with what it says at -v. */
async function cipherOfTunnel(
  options: readonly string[],
  to: keyof typeof PORT = "any",
): Promise<{ readonly cipher: string; readonly said: string }> {
  let said = "";
  const cipher = await cipherOf(
    () =>
      withTunnel(lab, { args: ["-r", `server:${PORT[to]}`, ...options, ...SOCKS] }, async (tunnel) => {
        said = tunnel.said;
      }),
    to,
  );
  return { cipher, said };
}

describe("the cipher", () => {
  const preferred = (): string => (cpuHasAes() === true ? GCM : usual);

  test("is AES-GCM where this CPU has it and nothing is configured, for a tunnel, with and without an agent", async () => {
    assert.notEqual(usual, GCM);
    for (const way of [[], ["--no-agent"]]) {
      const { cipher, said } = await cipherOfTunnel(way);
      assert.equal(cipher, preferred(), way.join());
      if (cipher === GCM) assert.match(said, new RegExp(`^sshuttle: cipher: ${GCM} first, since`, "m"));
    }
  });

  test("is the same for run and for doctor", async () => {
    for (const [words, answer] of [
      [["run", "-r", `server:${PORT.any}`, ...byOpenssh, file("hello.js")], /^hello$/m],
      [["doctor", "-r", `server:${PORT.any}`, ...byOpenssh], /^ok +link /m],
    ] as const) {
      const cipher = await cipherOf(async () => {
        const { stdout, stderr } = await lab.client.run(["node", MAIN, ...words]);
        assert.match(stdout, answer, stderr);
      });
      assert.equal(cipher, preferred(), words[0]);
    }
  });

  test("is AES-GCM with the ssh2 package, and what the configuration says where it says something", async () => {
    const ssh2 = (config: string): string[] => ["--transport", "ssh2", "--ssh-config", config];
    for (const [config, expected] of [
      [lab.sshConfig, GCM],
      [file("with-ctr"), "aes256-ctr"],
    ] as const) {
      const cipher = await cipherOf(async () => {
        const words = ["run", "-r", `server:${PORT.any}`, ...ssh2(config), file("hello.js")];
        assert.equal((await lab.client.run(["node", MAIN, ...words])).stdout, "hello\n");
      });
      assert.equal(cipher, expected);
    }
  });

  test("is the user's where Ciphers is configured or -c is given; AES-GCM is not offered to a host without it", async () => {
    for (const [sshCommand, expected] of [
      [`ssh -F ${file("with-ctr")}`, "aes256-ctr"],
      [`ssh -F ${file("without-gcm")}`, usual],
      [`ssh -F ${lab.sshConfig} -c aes192-ctr`, "aes192-ctr"],
      [`ssh -F ${lab.sshConfig} -o Ciphers=aes128-ctr`, "aes128-ctr"],
    ] as const) {
      for (const way of [[], ["--no-agent"]]) {
        const { cipher, said } = await cipherOfTunnel(["-e", sshCommand, ...way]);
        assert.equal(cipher, expected, sshCommand);
        if (cpuHasAes() === true) assert.match(said, /^sshuttle: cipher: left to ssh, whose configuration/m);
      }
    }
  });

  test("is the system's where its crypto policy names a list", async () => {
    const policy = "/etc/ssh/ssh_config.d/zz-policy.conf";
    await lab.client.shell(
      `mkdir -p /etc/ssh/ssh_config.d && (echo Ciphers aes192-ctr; cat ${lab.sshConfig}) > ${policy} && grep -q ssh_config.d /etc/ssh/ssh_config`,
    );
    try {
      assert.equal((await cipherOfTunnel(["-e", "ssh"])).cipher, "aes192-ctr");
    } finally {
      await lab.client.shell(`rm ${policy}`);
    }
  });

  test("is ssh's own with --no-cipher-preference", async () => {
    const { cipher, said } = await cipherOfTunnel(["--no-cipher-preference"]);
    assert.equal(cipher, usual);
    assert.match(said, /^sshuttle: cipher: left to ssh, by --no-cipher-preference$/m);
  });

  test("is chacha20-poly1305 with a server that has nothing else", async () => {
    assert.equal((await cipherOfTunnel([], "chacha")).cipher, CHACHA);
  });
});
