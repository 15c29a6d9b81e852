import assert from "node:assert/strict";
import { test } from "node:test";
import { receivedMbits, slower } from "../../../bench/bulk.ts";

test("receivedMbits() reads the seconds of a receiving end, and not its sum", () => {
  const text = `Connecting to host 127.0.0.1, port 5555
[  5] local 127.0.0.1 port 55622 connected to 127.0.0.1 port 5555
[ ID] Interval           Transfer     Bitrate
[  5]   0.00-1.00   sec  6.00 MBytes  50328 Kbits/sec                  
[  5]   1.00-2.00   sec  0.00 Bytes  0.00 Kbits/sec                  
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-2.00   sec  12.0 MBytes  50325 Kbits/sec    0             sender
[  5]   0.00-2.00   sec  12.0 MBytes  25164 Kbits/sec                  receiver
`;
  assert.deepEqual(receivedMbits(text), [50.328, 0]);
});

test("receivedMbits() reads one role of an end that sends as well", () => {
  const text = `[  5][TX-C]   0.00-1.00   sec  6.00 MBytes  50328 Kbits/sec    0   1.12 MBytes       
[  7][RX-C]   0.00-1.00   sec  5.00 MBytes  41900 Kbits/sec                  
[  8][RX-S]   1.00-2.00   sec  4.00 MBytes  31900 Kbits/sec                  
`;
  assert.deepEqual(receivedMbits(text), [41.9, 31.9]);
});

test("a line that is not complete yet is not a second yet", () => {
  assert.deepEqual(receivedMbits("[  5]   0.00-1.00   sec  6.00 MBytes  50328 Kbi"), []);
});

test("slower() is the one of a transfer that goes one way", () => {
  assert.equal(slower({ up: 3 }), 3);
  assert.equal(slower({ up: 3, down: 2 }), 2);
});
