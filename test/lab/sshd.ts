/** Keys and configurations of the lab's OpenSSH: servers on two hosts, and a client file for `ssh -F`. */
import { chmodSync, chownSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LAB_PATH, LAB_VARIABLE } from "./host.ts";
import type { LabHost } from "./host.ts";
import { LAB_USER } from "./keeper.ts";
import { LINK_SERVER, addressOf } from "./layout.ts";
import type { LabProcess } from "./lab-process.ts";

/**
 * Names that the client file knows. All lead to the same sshd on the server, but for `jump`:
 * `server6` over IPv6, `server-by-link` over the emulated link while there is one, the others over the jump host or over a shared master connection.
 */
export type SshAlias =
  | "server"
  | "server6"
  | "server-by-link"
  | "jump"
  | "server-by-jump"
  | "server-by-command"
  | "server-by-master";

/** Makes keys and files in `directory`. They serve root and the lab's user alike. */
export async function writeSshFiles(host: LabHost, directory: string): Promise<void> {
  const file = (name: string): string => join(directory, name);
  await host.shell(
    `ssh-keygen -q -t ed25519 -N '' -C lab -f ${file("host-key")} && ssh-keygen -q -t ed25519 -N '' -C lab -f ${file("user-key")}`,
  );
  copyFileSync(file("user-key.pub"), file("authorized_keys"));
  // ssh asks for mode 0600 of a key only when its owner is the caller: root may use the user's.
  chownSync(file("user-key"), LAB_USER.uid, LAB_USER.uid);
  chmodSync(file("user-key"), 0o600);
  writeFileSync(file("known_hosts"), `lab ${readFileSync(file("host-key.pub"), "utf8")}`);
  writeFileSync(file("far-hosts"), FAR_HOSTS);
  writeFileSync(file("sshd_config"), sshdConfig(directory));
  writeFileSync(file("ssh_config"), sshConfig(directory));
}

/**
 * A name that only the server knows: what connects to it has had it resolved on the far side. Alone among the
 * hosts of a lab the server's logins see an /etc/hosts of their own.
 */
export const FAR_NAME = "only-the-server.knows.example";
const FAR_HOSTS = `127.0.0.1 localhost\n::1 localhost\n10.11.12.13 ${FAR_NAME}\n`;

/** Starts an sshd there and waits until it listens on both families. */
export async function startSshd(host: LabHost, directory: string): Promise<LabProcess> {
  // By its full path, which sshd demands of itself.
  const script = `mount --bind ${directory}/far-hosts /etc/hosts && exec /usr/sbin/sshd -D -e -f ${directory}/sshd_config`;
  const sshd = host.start(["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]);
  await sshd.output(/Server listening on 0\.0\.0\.0 /);
  await sshd.output(/Server listening on :: /);
  return sshd;
}

function sshdConfig(directory: string): string {
  return `AddressFamily any
ListenAddress 0.0.0.0
ListenAddress ::
HostKey ${directory}/host-key
AuthorizedKeysFile ${directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
MaxStartups 1000
MaxSessions 1000
LogLevel VERBOSE
SetEnv PATH=${LAB_PATH} ${LAB_VARIABLE}=${directory}
Subsystem sftp internal-sftp
`;
}

function sshConfig(directory: string): string {
  const direct = addressOf("server", "client");
  const behind = addressOf("server", "jump").v4;
  return `Host server
  HostName ${direct.v4}
Host server6
  HostName ${direct.v6}
Host server-by-link
  HostName ${LINK_SERVER}
Host jump
  HostName ${addressOf("jump", "client").v4}
Host server-by-jump
  HostName ${behind}
  ProxyJump jump
Host server-by-command
  HostName ${behind}
  ProxyCommand ssh -F ${directory}/ssh_config -W %h:%p jump
Host server-by-master
  HostName ${direct.v4}
  ControlMaster auto
  ControlPath ${directory}/master-%r
  ControlPersist 60
Host *
  User root
  HostKeyAlias lab
  IdentityFile ${directory}/user-key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${directory}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  LogLevel ERROR
`;
}
