/**
 * The process between two hosts that makes a link of given rate, delay, queue and loss: a tun device in each, and every
 * packet of one is written to the other when its time has come. The kernel has no netem everywhere, and a relay of
 * connections would hide TCP's own behaviour, which is what is to be measured.
 *
 *     node link-emulator.js NETNS CIDR CIDR PARAMETERS
 *
 * It goes before everything else on the machine, as far as it may: a link is not late because a program is busy.
 *
 * Started in one network namespace, it enters the other (a path) for its second device. Parameters are LinkParameters
 * as JSON, up and down; each line on stdin replaces them. It ends with its stdin.
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { LinkQueue, seededRandom } from "./link-queue.ts";
import { DEVICE, EMULATOR_READY } from "./link-emulator-names.ts";
import type { LinkDirections } from "./link-emulator-names.ts";

const TUNSETIFF = 0x4004_54ca;
const TUNSETOFFLOAD = 0x4004_54d0;
const IFF_TUN_NO_PI = 0x1001;
const IFF_VNET_HDR = 0x4000;
/** TUN_F_CSUM, TUN_F_TSO4: packets of up to 64 KB come and go as one, the header in front of each says so. */
const OFFLOADS = 3;
const SCHED_FIFO = 1;
const PRIORITY = 10;
const CLONE_NEWNET = 0x4000_0000;
const O_RDWR_NONBLOCK = 0x802;
const POLLIN = 1;
const POLLHUP = 16;
/** With the header of an offloading device. */
const MAX_PACKET_BYTES = 65_536 + 10;
/** More than any queue of ours: what is dropped, is dropped here and not by the device. */
const DEVICE_QUEUE_PACKETS = 10_000;

type Koffi = typeof import("koffi");
const koffi: Koffi = createRequire(import.meta.url)("koffi");
const libc = koffi.load(null);
const setns = libc.func("int setns(int, int)");
const ioctl = libc.func("int ioctl(int, ulong, void *)");
const ioctlValue = libc.func("int ioctl(int, ulong, ulong)");
const schedSetScheduler = libc.func("int sched_setscheduler(int, int, const void *)");
const ppoll = libc.func("int ppoll(void *, ulong, const void *, const void *)");
const read = libc.func("intptr read(int, void *, uintptr)");
const write = libc.func("intptr write(int, const void *, uintptr)");

const [otherNetns = "", here = "", there = "", initial = ""] = process.argv.slice(2);

/** A tun device of the namespace that this process is in. */
function openTun(address: string, offload: boolean): number {
  const fd = openSync("/dev/net/tun", O_RDWR_NONBLOCK);
  const request = Buffer.alloc(40);
  request.write(DEVICE);
  request.writeUInt16LE(IFF_TUN_NO_PI | (offload ? IFF_VNET_HDR : 0), 16);
  if (ioctl(fd, TUNSETIFF, request) !== 0 || (offload && ioctlValue(fd, TUNSETOFFLOAD, OFFLOADS) !== 0))
    throw new Error(`Cannot make a tun device: errno ${koffi.errno()}`);
  // The kernel's own packets would be among those that are counted and lost.
  writeFileSync(`/proc/sys/net/ipv6/conf/${DEVICE}/disable_ipv6`, "1");
  for (const command of [
    `link set dev ${DEVICE} txqueuelen ${DEVICE_QUEUE_PACKETS} up`,
    `addr add ${address} dev ${DEVICE}`,
  ]) {
    const { status, stderr } = spawnSync("ip", command.split(" "), { encoding: "utf8" });
    if (status !== 0) throw new Error(`Cannot run "ip ${command}": ${stderr}`);
  }
  return fd;
}

function enter(path: string): void {
  const fd = openSync(path, "r");
  if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`Cannot enter ${path}: errno ${koffi.errno()}`);
  closeSync(fd);
}

const parameters: LinkDirections = JSON.parse(initial);
const { offload = false } = parameters;
const hereFd = openTun(here, offload);
enter(otherNetns);
const thereFd = openTun(there, offload);
const seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 32);
const up = new LinkQueue<Buffer>(parameters.up, seededRandom(seed));
const down = new LinkQueue<Buffer>(parameters.down, seededRandom(seed + 1));
const buffer = Buffer.alloc(MAX_PACKET_BYTES);

const polled = Buffer.alloc(24);
for (const [index, fd] of [hereFd, thereFd, 0].entries()) {
  polled.writeInt32LE(fd, 8 * index);
  polled.writeInt16LE(POLLIN, 8 * index + 4);
}
const timeout = Buffer.alloc(16);
/**
 * What comes within 0.1 ms is taken at once, as by a network card that interrupts no more often. At 200 Mbit/s, one packet
 * at a time, this process takes 0.6 of a core, and so 0.35.
 */
const breather = Buffer.alloc(16);
breather.writeBigInt64LE(100_000n, 8);

function takeAll(fd: number, queue: LinkQueue<Buffer>, nowMs: number): void {
  for (;;) {
    const bytes = Number(read(fd, buffer, MAX_PACKET_BYTES));
    if (bytes <= 0) return;
    queue.push(Buffer.from(buffer.subarray(0, bytes)), nowMs);
  }
}

function giveDue(fd: number, queue: LinkQueue<Buffer>, nowMs: number): void {
  for (let packet = queue.pop(nowMs); packet; packet = queue.pop(nowMs)) write(fd, packet, packet.length);
}

/** False at the end of stdin. */
function takeOrders(): boolean {
  const bytes = Number(read(0, buffer, MAX_PACKET_BYTES));
  if (bytes <= 0) return false;
  // A line is written in one piece by the test, and is far below what a pipe keeps whole.
  const last = buffer.toString("utf8", 0, bytes).trim().split("\n").at(-1);
  const next: LinkDirections = JSON.parse(last ?? "");
  up.set(next.up);
  down.set(next.down);
  return true;
}

// Where that is not allowed it is as late as the others are.
const priority = Buffer.alloc(4);
priority.writeInt32LE(PRIORITY);
schedSetScheduler(0, SCHED_FIFO, priority);

process.stdout.write(`${EMULATOR_READY}\n`, () => {
  // From here on nothing but this loop: the event loop would cost more than the packets.
  for (;;) {
    const nowMs = performance.now();
    giveDue(thereFd, up, nowMs);
    giveDue(hereFd, down, nowMs);
    ppoll(null, 0, breather, null);
    const waitMs = Math.min(up.nextMs, down.nextMs) - performance.now();
    const ns = Math.max(0, Math.min(waitMs, 1000)) * 1e6;
    timeout.writeBigInt64LE(BigInt(Math.floor(ns / 1e9)), 0);
    timeout.writeBigInt64LE(BigInt(Math.floor(ns % 1e9)), 8);
    ppoll(polled, 3, timeout, null);
    const arrivedMs = performance.now();
    if ((polled.readInt16LE(6) & POLLIN) !== 0) takeAll(hereFd, up, arrivedMs);
    if ((polled.readInt16LE(14) & POLLIN) !== 0) takeAll(thereFd, down, arrivedMs);
    if ((polled.readInt16LE(22) & (POLLIN | POLLHUP)) !== 0 && !takeOrders()) process.exit(0);
  }
});
