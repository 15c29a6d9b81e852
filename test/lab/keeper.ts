/**
 * The process that holds a lab together, and the only one that takes it down.
 *
 * It is a shell in a mount namespace of its own, where it makes the network namespaces and a private
 * /etc and /run: passwd, hosts, sudoers and the lock of iptables are the lab's, not the machine's. Then
 * it reads stdin. The other end is held by the test process alone, so whether that closes the lab,
 * crashes, or is killed, the keeper sees end of file and ends every process in the lab. With the last of
 * them the kernel removes the namespaces; nothing of them was ever visible outside.
 */
import { HOSTS, cableBatch, hostBatch } from "./layout.ts";
import type { HostName } from "./layout.ts";

/** Where the lab's hosts see the project, whatever the rights on the way to it are. */
export const PROJECT_IN_LAB = "/run/project";

/** A directory of the lab's PATH with the node that runs the tests. */
export const BIN_IN_LAB = "/run/bin";

/** A user without rights in the lab's own /etc/passwd, who may use sudo and doas without a password. */
export const LAB_USER = { name: "labuser", uid: 4242 } as const;

/** What the keeper prints when the lab stands. */
export const KEEPER_READY = "lab ready";

export interface KeeperSettings {
  readonly project: string;
  readonly node: string;
  /** The lab's directory for keys and sockets; removed at the end. */
  readonly directory: string;
  readonly direct: boolean;
}

/** The shell script that the keeper is. */
export function keeperScript({ project, node, directory, direct }: KeeperSettings): string {
  const { name, uid } = LAB_USER;
  return `set -eu
# A terminal's Ctrl-C goes to the test process; the keeper hears of it by end of file.
trap '' INT TERM HUP

mount -t tmpfs -o mode=755 lab /run
mkdir -p /run/sshd /run/lock /run/home/${name} /run/home/root ${PROJECT_IN_LAB} ${BIN_IN_LAB}
chmod 700 /run/home/root
chown ${uid}:${uid} /run/home/${name}
mount --bind ${quote(project)} ${PROJECT_IN_LAB}
touch ${BIN_IN_LAB}/node
mount --bind ${quote(node)} ${BIN_IN_LAB}/node
cp -a /etc /run/etc
mount --bind /run/etc /etc
chmod 644 /etc/passwd
# A root whose password is locked could not log in with a key either, and rc files are no part of a test.
sed -i 's|^root:.*|root:x:0:0:root:/run/home/root:/bin/bash|' /etc/passwd
sed -i 's|^root:[^:]*:|root:*:|' /etc/shadow
echo '${name}:x:${uid}:${uid}::/run/home/${name}:/bin/bash' >> /etc/passwd
echo '${name}:*:19000:0:99999:7:::' >> /etc/shadow
echo '${name}:x:${uid}:' >> /etc/group
mkdir -p /etc/sudoers.d
echo '${name} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab
chmod 440 /etc/sudoers.d/lab
echo 'permit nopass ${name}' > /etc/doas.conf
# With the machine's own name, which sudo looks up.
printf '127.0.0.1 localhost %s\\n::1 localhost\\n' "$(uname -n)" > /etc/hosts
rm -f /etc/resolv.conf
: > /etc/resolv.conf

for host in ${HOSTS.join(" ")}; do
  ip netns add "$host"
  nsenter --net=/run/netns/"$host" sh -c '
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    # An address is of use at once, not after a second of looking for duplicates.
    echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
    # Every refused packet is answered, however many there are.
    echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit'
done
ip -batch - <<'END'
${cableBatch()}END
${HOSTS.map((host) => configure(host, direct)).join("")}
echo '${KEEPER_READY}'
cat > /dev/null

while
  pids=$(for host in ${HOSTS.join(" ")}; do ip netns pids "$host"; done)
  [ -n "$pids" ]
do
  kill -9 $pids 2> /dev/null || true
  sleep 0.02
done
rm -rf ${quote(directory)}
`;
}

function configure(host: HostName, direct: boolean): string {
  return `ip -4 -n ${host} -batch - <<'END'
${hostBatch(host, "v4", direct)}END
ip -6 -n ${host} -batch - <<'END'
${hostBatch(host, "v6", direct)}END
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
