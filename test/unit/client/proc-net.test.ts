import assert from "node:assert/strict";
import { test } from "node:test";
import { descendantsOf, parseProcessStat, parseSocketLink, parseTcpTable } from "../../../client/proc-net.ts";

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 275001 1 ffff 100 0 0 10 0
   1: 0201A8C0:CCB8 0A0200C0:0016 01 00000000:00000000 02:000A7214 00000000  1000        0 275967 2 ffff 20 4 30 10 -1
   2: 0201A8C0:CCBA 0A0200C0:0016 06 00000000:00000000 03:00000F2C 00000000     0        0 0 3 ffff
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:C001 B80D0120000000000200000009000000:0016 01 00000000:00000000 02:000A7214 00000000  1000        0 300 2 ffff
   1: 0000000000000000FFFF00000201A8C0:C002 0000000000000000FFFF00000A0200C0:0016 01 00000000:00000000 02:000A7214 00000000  1000        0 301 2 ffff
`;

test("parseTcpTable() reads addresses as words in the host's byte order", () => {
  const [listening, established, closing] = parseTcpTable(TCP, true);
  assert.equal(listening?.isEstablished, false);
  assert.deepEqual(established, {
    local: { family: 4, address: "192.168.1.2", port: 52_408 },
    remote: { family: 4, address: "192.0.2.10", port: 22 },
    isEstablished: true,
    inode: 275_967,
  });
  assert.equal(closing?.isEstablished, false);
});

test("parseTcpTable() reads the same line on a big-endian machine the other way round", () => {
  assert.equal(parseTcpTable(TCP, false)[1]?.remote.address, "10.2.0.192");
});

test("parseTcpTable() reads IPv6, and IPv4 in an IPv6 socket as what it is", () => {
  const [v6, mapped] = parseTcpTable(TCP6, true);
  assert.deepEqual(v6?.remote, {
    family: 6,
    address: "2001:db8::2:0:9",
    port: 22,
  });
  assert.deepEqual(mapped?.remote, { family: 4, address: "192.0.2.10", port: 22 });
});

test("parseProcessStat() is not misled by a name with blanks and parentheses", () => {
  assert.deepEqual(parseProcessStat("42 (a) S 1 (b) S 7 42 42 0 -1 4194304"), {
    pid: 42,
    name: "a) S 1 (b",
    parentPid: 7,
  });
  assert.equal(parseProcessStat(""), undefined);
});

test("descendantsOf() finds children of children in any order, and ends for a process that is its own parent", () => {
  const processes = [
    { pid: 5, parentPid: 4, name: "nc" },
    { pid: 4, parentPid: 3, name: "sh" },
    { pid: 3, parentPid: 1, name: "ssh" },
    { pid: 6, parentPid: 1, name: "other" },
    { pid: 7, parentPid: 7, name: "odd" },
  ];
  assert.deepEqual(descendantsOf(3, processes), [3, 4, 5]);
  assert.deepEqual(descendantsOf(7, processes), [7]);
});

test("parseSocketLink() knows sockets from files and pipes", () => {
  assert.equal(parseSocketLink("socket:[275967]"), 275_967);
  assert.equal(parseSocketLink("pipe:[275967]"), undefined);
  assert.equal(parseSocketLink("/tmp/socket:[1]"), undefined);
});
