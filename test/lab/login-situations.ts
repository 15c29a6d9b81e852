/** Users with every login shell on the lab's server, and what their rc files or their sshd do to a command. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findCommand } from "../packages.ts";
import { BIN_IN_LAB, PROJECT_IN_LAB } from "./keeper.ts";
import type { Lab } from "./lab.ts";
import { addressOf } from "./layout.ts";

export interface LoginShell {
  readonly name: string;
  /** Its program; "busybox ash" by a link of that name. */
  readonly program: string;
  /** Relative to the home: what it reads for `ssh HOST COMMAND`. Most read nothing. */
  readonly rcFile?: string;
}

export const LOGIN_SHELLS: readonly LoginShell[] = [
  { name: "dash", program: "dash" },
  { name: "bash", program: "bash", rcFile: ".bashrc" },
  { name: "rbash", program: "rbash", rcFile: ".bashrc" },
  { name: "zsh", program: "zsh", rcFile: ".zshenv" },
  { name: "fish", program: "fish", rcFile: ".config/fish/config.fish" },
  { name: "tcsh", program: "tcsh", rcFile: ".tcshrc" },
  { name: "ksh93", program: "ksh93" },
  { name: "mksh", program: "mksh" },
  { name: "busybox ash", program: "ash" },
  { name: "yash", program: "yash" },
];

/** sshd runs it before the command, whatever the shell is. Source: sshd(8), SSHRC. */
const SSH_RC = ".ssh/rc";

export interface Situation {
  readonly title: string;
  /** Lines for the shell's own rc file; in their absence for sshd's. */
  readonly rc?: string;
  /** It means nothing to a shell that reads no rc file. */
  readonly needsOwnRc?: true;
  /** Lines for sshd_config. */
  readonly sshd?: string;
  readonly runtime?: string;
  /** "ok", or the code of the error. */
  readonly outcome: string;
  /** Of the error: what was seen there. */
  readonly words?: RegExp;
  /** Bytes that have to come before the program's own: the rc file was run. */
  readonly noiseBytes?: number;
}

/** Lines that mean the same to every shell. */
export const SITUATIONS: readonly Situation[] = [
  { title: "plain", outcome: "ok" },
  { title: "rc prints a line", rc: "echo welcome", outcome: "ok", noiseBytes: 8 },
  { title: "rc prints 100 KB", rc: "head -c 100000 /dev/zero", outcome: "ok", noiseBytes: 100_000 },
  { title: "rc prints for ever", rc: "yes", outcome: "noise-limit", words: /more than 1048576 bytes/ },
  { title: "rc sleeps 2 s", rc: "sleep 2; echo slept", outcome: "ok", noiseBytes: 6 },
  {
    title: "rc reads stdin",
    rc: "head -n 1",
    needsOwnRc: true,
    outcome: "shell-refused",
    words: /having printed "cd \/;unset/,
  },
  {
    title: "rc execs echo",
    rc: "exec echo instead",
    needsOwnRc: true,
    outcome: "shell-refused",
    words: /ended with 0 .*having printed "instead"/,
  },
  {
    title: "rc execs cat",
    rc: "exec cat",
    needsOwnRc: true,
    outcome: "far-side-silent",
    words: /no answer in time, having printed "cd /,
  },
  { title: "Banner", sshd: "Banner BANNER", outcome: "ok" },
  { title: "PATH without node", sshd: "SetEnv PATH=/bin", runtime: `${BIN_IN_LAB}/node`, outcome: "ok" },
  {
    title: "PATH of nothing",
    sshd: "SetEnv PATH=/nowhere",
    outcome: "shell-refused",
    words: /\bsh\b.*not found|not found.*\bsh\b|no such command `sh'|Unknown command: sh/s,
  },
  {
    title: "forced command",
    sshd: "ForceCommand echo only backups",
    outcome: "shell-refused",
    words: /having printed "only backups"/,
  },
  {
    title: "internal-sftp",
    sshd: "ForceCommand internal-sftp",
    outcome: "shell-refused",
    words: /This service allows sftp connections only/,
  },
  {
    title: "nologin",
    sshd: "ForceCommand /usr/sbin/nologin",
    outcome: "shell-refused",
    words: /currently not available|nologin: restricted/,
  },
];

/** Not where a shell that reads no rc file would have to. */
export function canArise(shell: LoginShell, situation: Situation): boolean {
  return situation.needsOwnRc !== true || shell.rcFile !== undefined;
}

/** What is not as expected, for people; undefined if everything is. */
export function surprise(
  { outcome, message, noiseBytes }: LoginOutcome,
  expected: Situation,
): string | undefined {
  if (outcome !== expected.outcome) return `${outcome} in place of ${expected.outcome}: ${message}`;
  if (expected.words !== undefined && !expected.words.test(message)) return `other words: ${message}`;
  const wanted = expected.noiseBytes ?? 0;
  if (outcome === "ok" && noiseBytes !== wanted) return `${noiseBytes} bytes of noise in place of ${wanted}`;
  return undefined;
}

export interface LoginOutcome {
  /** "ok", or the code of the error. */
  readonly outcome: string;
  readonly message: string;
  /** Bytes that were skipped before the program's output. */
  readonly noiseBytes: number;
}

export interface Logins {
  launch(shell: LoginShell, situation: Situation): Promise<LoginOutcome>;
}

const FIRST_UID = 5000;
const FIRST_PORT = 2500;

/** Makes the users, and an sshd for each set of lines that a situation has for one. */
export async function openLogins(lab: Lab): Promise<Logins> {
  const homes = "/run/home";
  const passwd = LOGIN_SHELLS.map(({ program }, index) => {
    const uid = FIRST_UID + index;
    const path = program === "ash" ? `${BIN_IN_LAB}/ash` : findCommand(program);
    return `${nameOf(program)}:x:${uid}:${uid}::${homes}/${nameOf(program)}:${path}`;
  });
  const shadow = LOGIN_SHELLS.map(({ program }) => `${nameOf(program)}:*:19000:0:99999:7:::`);
  await lab.server.shell(
    `ln -sf ${findCommand("busybox")} ${BIN_IN_LAB}/ash
printf '%s\\n' '${passwd.join("' '")}' >>/etc/passwd
printf '%s\\n' '${shadow.join("' '")}' >>/etc/shadow
for name in ${LOGIN_SHELLS.map(({ program }) => nameOf(program)).join(" ")}; do mkdir -p ${homes}/$name; chown $name ${homes}/$name; done`,
  );
  const banner = join(lab.directory, "banner");
  writeFileSync(banner, "Authorised use only.\n".repeat(40));
  const ports = new Map<string, number>();
  for (const sshd of new Set(SITUATIONS.map((situation) => situation.sshd ?? ""))) {
    const port = FIRST_PORT + ports.size;
    ports.set(sshd, port);
    const file = join(lab.directory, `sshd-${port}`);
    // Of a keyword that stands twice sshd takes the first.
    const own = sshd.replace("BANNER", banner);
    writeFileSync(file, `${own}\nListenAddress 0.0.0.0:${port}\nInclude ${lab.directory}/sshd_logins\n`);
  }
  writeFileSync(join(lab.directory, "sshd_logins"), sshdConfig(lab.directory));
  for (const port of ports.values()) {
    const sshd = lab.server.start(["/usr/sbin/sshd", "-D", "-e", "-f", join(lab.directory, `sshd-${port}`)]);
    await sshd.output(/Server listening on 0\.0\.0\.0 /);
  }
  return {
    launch: async (shell, situation) => {
      const user = nameOf(shell.program);
      await writeRc(lab, `${homes}/${user}`, shell, situation);
      const words = [
        "node",
        `${PROJECT_IN_LAB}/dist/test/lab/launch-once.js`,
        lab.sshConfig,
        `${user}@${addressOf("server", "client").v4}`,
        String(ports.get(situation.sshd ?? "")),
        situation.runtime ?? "",
      ] as const;
      const { stdout, stderr } = await lab.client.run(words);
      if (stdout === "") throw new Error(`launch-once said nothing: ${stderr}`);
      return JSON.parse(stdout) as LoginOutcome;
    },
  };
}

/** sshd's passwd takes no blanks. */
function nameOf(program: string): string {
  return `login-${program}`;
}

async function writeRc(lab: Lab, home: string, shell: LoginShell, { rc }: Situation): Promise<void> {
  const remove = [SSH_RC, ".bashrc", ".zshenv", ".config/fish/config.fish", ".tcshrc"];
  const file = `${home}/${shell.rcFile ?? SSH_RC}`;
  const write = rc === undefined ? "" : `mkdir -p ${dirname(file)} && echo '${rc}' >${file}`;
  await lab.server.shell(`cd ${home} && rm -f ${remove.join(" ")}\n${write}\nchown -R "$(stat -c %u .)" .`);
}

function sshdConfig(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return `HostKey ${directory}/host-key
AuthorizedKeysFile ${directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
SetEnv PATH=${BIN_IN_LAB}:/usr/bin:/bin
Subsystem sftp internal-sftp
`;
}
