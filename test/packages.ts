/**
 * The Debian packages that the suites lean on, and how they get there.
 *
 * A tool that is on the PATH already is used wherever it came from. What is missing is installed when
 * root, without starting any service: no sshd but the lab's own may come out of a test run. Without
 * root the error names the packages and the command to type.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

export type PackageUse = "e2e" | "bench";

/** Debian package to the commands that are used of it. */
const E2E_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  coreutils: ["sha256sum", "timeout"],
  curl: ["curl"],
  iperf3: ["iperf3"],
  iproute2: ["ip", "ss"],
  iptables: ["iptables", "ip6tables", "iptables-save", "ip6tables-save", "iptables-restore"],
  "iputils-ping": ["ping"],
  mount: ["mount"],
  // The other netcats know no -N (half close) and no -X (proxy).
  "netcat-openbsd": ["nc.openbsd"],
  nftables: ["nft"],
  opendoas: ["doas"],
  "openssh-client": ["ssh", "ssh-keygen"],
  "openssh-server": ["sshd"],
  procps: ["ps"],
  sudo: ["sudo"],
  // setpriv and nsenter are Debian's util-linux too; script(1) gives a command a terminal.
  bsdutils: ["script"],
  "util-linux": ["unshare", "nsenter", "setpriv"],
  // Login shells.
  bash: ["bash", "rbash"],
  busybox: ["busybox"],
  dash: ["dash"],
  fish: ["fish"],
  "ksh93u+m": ["ksh93"],
  mksh: ["mksh"],
  tcsh: ["tcsh"],
  yash: ["yash"],
  zsh: ["zsh"],
};

const BENCH_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  ...E2E_PACKAGES,
  sshuttle: ["sshuttle"],
};

/** Where Debian keeps commands; a plain user's PATH lacks the sbin ones. */
const COMMAND_PATH: readonly string[] = [
  ...(process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== ""),
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** The absolute path of a command, or undefined where there is none. */
export function findCommand(name: string, path: readonly string[] = COMMAND_PATH): string | undefined {
  return path.map((directory) => join(directory, name)).find(isExecutable);
}

/** The packages whose commands are not all on the PATH, sorted by name. */
export function missingPackages(use: PackageUse, path: readonly string[] = COMMAND_PATH): string[] {
  const table = use === "bench" ? BENCH_PACKAGES : E2E_PACKAGES;
  return Object.keys(table)
    .filter((name) => table[name]?.some((command) => findCommand(command, path) === undefined))
    .toSorted();
}

/** What a reader types to get them. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get install --no-install-recommends ${packages.join(" ")}`;
}

/**
 * Makes sure that every command of `use` is there.
 * @throws Error that names what is missing, if it cannot be installed.
 */
export function ensurePackages(use: PackageUse): void {
  const missing = missingPackages(use);
  if (missing.length === 0) return;
  const hint = `as root: apt-get update && ${installCommand(missing)}`;
  if (process.getuid?.() !== 0 || findCommand("apt-get") === undefined) {
    throw new Error(`Cannot run ${use}: missing ${missing.join(", ")}\n${hint}`);
  }
  console.log(`Installing ${missing.join(", ")}`);
  withServicesHeld(() => {
    apt(["update", "-q"]);
    apt(["install", "-q", "-y", "--no-install-recommends", ...missing]);
  });
  const still = missingPackages(use);
  if (still.length > 0) throw new Error(`Cannot run ${use}: still missing ${still.join(", ")}\n${hint}`);
}

/**
 * Runs `install` while packages may not start their services. Debian's maintainer scripts ask
 * /usr/sbin/policy-rc.d first, and 101 is its "not allowed".
 * Source: invoke-rc.d(8), /usr/share/doc/init-system-helpers/README.policy-rc.d
 */
function withServicesHeld(install: () => void): void {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    install();
  } finally {
    rmSync(policy, { force: true });
  }
}

function apt(args: readonly string[]): void {
  const { status, error } = spawnSync("apt-get", args, {
    // stdout of a test run is for results; what apt says is progress.
    stdio: ["ignore", 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`Cannot install packages: apt-get ${args.join(" ")} ended with ${status}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  ensurePackages(process.argv[2] === "bench" ? "bench" : "e2e");
}
