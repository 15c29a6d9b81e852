import assert from "node:assert/strict";
import { test } from "node:test";
import { FirewallError } from "../../../../client/firewall/errors.ts";
import { judgeFirewall, judgeForwarding, judgePrivileges } from "../../../../client/doctor/judge-firewall.ts";
import { judgeSubnet } from "../../../../client/doctor/judge-subnet.ts";
import type { Interfaces } from "../../../../client/doctor/judge-subnet.ts";
import { parseSubnet } from "../../../../client/subnet.ts";
import type { Subnet } from "../../../../client/subnet.ts";
import { judgeVersion } from "../../../../client/doctor/ssh-program.ts";

const NFT = { method: "nft", families: [4, 6], warnings: [] } as const;
const NAT = { method: "nat", families: [4], warnings: [] } as const;
const refusal = (message: string): FirewallError =>
  new FirewallError("firewall-no-method", message, { hint: "--socks 1080 needs no firewall" });

test("the firewall is ok with what auto takes, and says of the other method whether it works", () => {
  const good = judgeFirewall({ auto: NFT, others: [["nat", NAT]] });
  assert.deepEqual([good.status, good.detail], ["ok", "auto takes nft, for IPv4 and IPv6; nat works too"]);
  const old = judgeFirewall({ auto: NAT, others: [["nft", refusal("nf_tables cannot be used: EPERM")]] });
  assert.equal(old.detail, "auto takes nat, for IPv4; nft does not work: nf_tables cannot be used: EPERM");
});

test("what the method warns of is a warning; no method is a problem with its way around", () => {
  const warned = judgeFirewall({ auto: { ...NAT, warnings: ["IPv6 is not captured"] }, others: [] });
  assert.deepEqual([warned.status, warned.detail.endsWith("; IPv6 is not captured")], ["warning", true]);
  assert.deepEqual(judgeFirewall({ auto: refusal("Cannot capture"), others: [] }), {
    step: "firewall",
    status: "problem",
    detail: "Cannot capture",
    fix: "--socks 1080 needs no firewall",
  });
});

test("privileges: root and a sudo that asks nothing are ok, a password is a warning, none a problem", () => {
  const error = refusal("neither sudo nor doas");
  assert.deepEqual(
    (
      [
        { type: "root" },
        { type: "granted", by: "doas" },
        { type: "asks", by: "sudo" },
        { type: "none", error },
      ] as const
    ).map((privileges) => judgePrivileges(privileges).status),
    ["ok", "ok", "warning", "problem"],
  );
});

test("ip_forward is told of where there is one", () => {
  assert.match(judgeForwarding({ IPv4: "1\n", IPv6: "0\n" })?.detail ?? "", /^IPv4 on, IPv6 off;/);
  assert.match(judgeForwarding({ IPv4: "0\n", IPv6: undefined })?.detail ?? "", /IPv6 not there/);
  assert.equal(judgeForwarding({ IPv4: undefined, IPv6: undefined }), undefined);
});

const INTERFACES: Interfaces = {
  lo: [
    {
      address: "127.0.0.1",
      netmask: "255.0.0.0",
      family: "IPv4",
      mac: "",
      internal: true,
      cidr: "127.0.0.1/8",
    },
  ],
  eth0: [
    {
      address: "10.1.2.3",
      netmask: "255.255.255.0",
      family: "IPv4",
      mac: "",
      internal: false,
      cidr: "10.1.2.3/24",
    },
    {
      address: "fe80::1",
      netmask: "",
      family: "IPv6",
      mac: "",
      internal: false,
      cidr: "fe80::1/64",
      scopeid: 2,
    },
  ],
};

test("a subnet that holds this machine's own network, or is a part of it, is a warning with the exclude", () => {
  for (const text of ["10.0.0.0/8", "10.1.2.128/25"]) {
    const step = judgeSubnet(parseSubnet(text) as Subnet, INTERFACES);
    assert.equal(step.status, "warning", text);
    assert.match(step.detail, /10\.1\.2\.0\/24 \(eth0\)$/);
    assert.match(step.fix ?? "", /-x 10\.1\.2\.0\/24$/);
  }
});

test("everything is meant to hold it; others, loopback and link-local networks have no part in it", () => {
  assert.match(judgeSubnet(parseSubnet("0/0") as Subnet, INTERFACES).detail, /10\.1\.2\.0\/24/);
  for (const text of ["0/0", "10.2.0.0/16", "127.0.0.0/8", "fe80::/10", "::/0"]) {
    assert.equal(judgeSubnet(parseSubnet(text) as Subnet, INTERFACES).status, "ok", text);
  }
});

test("ssh's version is its line, whatever else is said; a program that says none is a warning", () => {
  const text = "\nsome warning\nOpenSSH_9.2p1 Debian-2, OpenSSL 3.0.19\n";
  assert.deepEqual(judgeVersion({ program: "ssh", text }), {
    step: "ssh",
    status: "ok",
    detail: "OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.19",
  });
  assert.equal(judgeVersion({ program: "rsh", text: "usage: rsh host\n" }).status, "warning");
});

test("an ssh that cannot be started is a problem that names other ways", () => {
  const missing = judgeVersion({ program: "no\u001bssh", text: "", errno: "ENOENT" });
  assert.equal(missing.detail, '"no\\u{1b}ssh" cannot be started: it is not on this machine');
  assert.match(missing.fix ?? "", /--transport ssh2/);
  assert.match(judgeVersion({ program: "ssh", text: "", errno: "EACCES" }).detail, /permission denied/);
});
