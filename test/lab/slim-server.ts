/**
 * Servers with next to nothing on them, by sshd's ChrootDirectory: what a minimal Debian has, or a userland of busybox with
 * musl. There is no JavaScript runtime, and logins ask for a password.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import type { LabProcess } from "./lab-process.ts";
import { addressOf } from "./layout.ts";
import { muslFolder } from "./musl.ts";

export type Userland = "debian" | "musl";

export interface SlimServer {
  /** The lab's name for the file system that logins see, on the server. */
  readonly root: string;
  /** What follows `-e`, for the destination "slim". The password is typed by a program that counts its prompts. */
  readonly sshCommand: string;
  /** The file that it names. */
  readonly sshConfig: string;
  /** For the client's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How many passwords have been asked for so far. */
  prompts(): Promise<number>;
  /** A login whose first places for a runtime are no good: one is noexec, one full. */
  readonly crowdedUser: "crowded";
}

const USERS = { slim: 4300, crowded: 4301 } as const;
const PASSWORD = "correct horse";
const PORTS: Readonly<Record<Userland, number>> = { debian: 2300, musl: 2301 };

/** Not among them: df, so that a place is known to be full only by filling it. */
const TOOLS =
  "sh cat chmod echo false getconf grep gzip head id kill ls mkdir mv ps rm rmdir sha256sum sleep stty true uname wc [";
/** Libraries that apt, which is in every Debian, is linked with; they are those that Node needs. */
const APT_LIBRARIES = "libstdc++.so.6 libgcc_s.so.1 libdl.so.2 libm.so.6 libpthread.so.0";

export async function startSlimServer(lab: Lab, userland: Userland): Promise<SlimServer> {
  const root = `/run/slim-${userland}`;
  const file = (name: string): string => join(lab.directory, `${name}-${userland}`);
  const port = PORTS[userland];
  await lab.server.shell(rootScript(root, userland === "musl" ? await muslFolder() : undefined));
  writeFileSync(file("sshd"), sshdConfig(lab.directory, root, port));
  writeFileSync(file("ssh"), sshConfig(lab, port));
  writeFileSync(file("askpass"), `#!/bin/sh\necho "$1" >>${file("prompts")}\necho '${PASSWORD}'\n`);
  writeFileSync(file("prompts"), "");
  chmodSync(file("askpass"), 0o755);
  const sshd = startSshd(lab, root, file("sshd"));
  await sshd.output(/Server listening on 0\.0\.0\.0 /);
  return {
    root,
    sshCommand: `ssh -F ${file("ssh")}`,
    sshConfig: file("ssh"),
    env: { SSH_ASKPASS: file("askpass"), SSH_ASKPASS_REQUIRE: "force" },
    prompts: async () => Number(await lab.client.shell(`grep -c . ${file("prompts")} || :`)),
    crowdedUser: "crowded",
  };
}

function rootScript(root: string, musl: string | undefined): string {
  const users = Object.entries(USERS).map(
    ([name, uid]) => `
if ! grep -q '^${name}:' /etc/passwd; then
  echo '${name}:x:${uid}:${uid}::/home/${name}:/bin/sh' >>/etc/passwd
  echo "${name}:$(openssl passwd -6 '${PASSWORD}'):19000:0:99999:7:::" >>/etc/shadow
fi
mkdir -p home/${name} && chown ${uid}:${uid} home/${name}`,
  );
  const places = `mkdir home/crowded/.cache home/crowded/.sshuttle`;
  return `mkdir -p ${root}/bin ${root}/proc ${root}/dev ${root}/tmp ${root}/var/tmp && cd ${root}
chmod 1777 tmp var/tmp
${musl === undefined ? debianUserland() : muslUserland(musl)}
${users.join("\n")}
${places}`;
}

function debianUserland(): string {
  return `for tool in ${TOOLS}; do
  path=$(command -v $tool || :)
  case $path in /*) ;; *) path=/usr/bin/$tool; esac
  cp -L $path bin/
  # Some are scripts, and some linked with nothing.
  for library in $(ldd $path 2>/dev/null | grep -o '/[^ ]*' || :); do cp -L --parents $library .; done
done
for name in ${APT_LIBRARIES}; do
  cp -L --parents $(ldconfig -p | grep "$name .*x86-64\\|$name .*AArch64" | grep -o '/.*' | head -n 1) .
done`;
}

function muslUserland(folder: string): string {
  return `cp -a ${folder}/lib . && cp ${folder}/bin/busybox bin/
[ ! -d ${folder}/usr/lib ] || cp -a ${folder}/usr/lib usr/
for tool in $(bin/busybox --list); do [ -e bin/$tool ] || ln -s busybox bin/$tool; done`;
}

function startSshd(lab: Lab, root: string, config: string): LabProcess {
  const script = [
    `mount --rbind /dev ${root}/dev && mount -t proc proc ${root}/proc`,
    `mount -t tmpfs -o noexec,mode=700,uid=${USERS.crowded} none ${root}/home/crowded/.cache`,
    `mount -t tmpfs -o size=2m,mode=700,uid=${USERS.crowded} none ${root}/home/crowded/.sshuttle`,
    `exec /usr/sbin/sshd -D -e -f ${config}`,
  ].join(" && ");
  return lab.server.start(["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]);
}

function sshdConfig(directory: string, root: string, port: number): string {
  return `ListenAddress 0.0.0.0:${port}
HostKey ${directory}/host-key
PidFile none
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PubkeyAuthentication no
ChrootDirectory ${root}
SetEnv PATH=/bin
`;
}

function sshConfig({ directory }: Lab, port: number): string {
  return `Host slim
  HostName ${addressOf("server", "client").v4}
  Port ${port}
  User slim
Host *
  HostKeyAlias lab
  IdentityAgent none
  PubkeyAuthentication no
  UserKnownHostsFile ${directory}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  LogLevel ERROR
`;
}
