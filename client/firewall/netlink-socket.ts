/** A netlink socket: messages out, messages in, nothing about what they mean. */
import { constants } from "node:os";
import { systemCalls } from "../ffi.ts";
import { decodeMessages, encodeMessages, HOST_LITTLE_ENDIAN } from "./netlink.ts";
import type { Message } from "./netlink.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** Without it ssh would inherit the socket and keep what it owns alive after this process. */
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
/** struct sockaddr_nl: family, padding, port id (0: the kernel chooses), groups. */
const ADDRESS_BYTES = 12;
/** Kernel-side bytes a request may need beyond its own length. */
const SEND_SLACK_BYTES = 65_536;
/** The kernel cuts dumps into datagrams of at most 32 KiB. Source: netlink_dump() in af_netlink.c. */
const RECEIVE_BYTES = 65_536;
/** Room for the errors of the largest batch, 100 bytes each. */
const RECEIVE_QUEUE_BYTES = 4_194_304;
const { EAGAIN, EINTR } = constants.errno;

/** A system call failed; `result` is minus errno. */
export class NetlinkError extends Error {
  readonly result: number;

  constructor(result: number, message: string) {
    super(message);
    this.name = "NetlinkError";
    this.result = result;
  }
}

export class NetlinkSocket {
  private readonly fd: number;
  private readonly buffer = new Uint8Array(RECEIVE_BYTES);

  /**
   * @param protocol NETLINK_… from linux/netlink.h.
   * @throws NetlinkError if the kernel does not have it; FirewallError if koffi is missing.
   */
  constructor(protocol: number) {
    const calls = systemCalls();
    this.fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (this.fd < 0) throw new NetlinkError(this.fd, "netlink socket");
    const address = new Uint8Array(ADDRESS_BYTES);
    new DataView(address.buffer).setUint16(0, AF_NETLINK, HOST_LITTLE_ENDIAN);
    const bound = calls.bind(this.fd, address);
    if (bound < 0) {
      calls.close(this.fd);
      throw new NetlinkError(bound, "bind of a netlink socket");
    }
    // Kernels before 4.12 refuse these; errors are then told by number only.
    calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, encodeInt32(1));
    calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, encodeInt32(1));
    // Needs CAP_NET_ADMIN; those without it send and receive little.
    calls.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, encodeInt32(RECEIVE_QUEUE_BYTES));
  }

  /**
   * Sends messages as one datagram and takes everything that comes back: the kernel works while send() runs,
   * so all answers are there when it returns, but for a dump, which goes on with each receive.
   * @throws NetlinkError
   */
  exchange(messages: readonly Message[]): Message[] {
    const bytes = encodeMessages(messages);
    const calls = systemCalls();
    calls.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, encodeInt32(bytes.length + SEND_SLACK_BYTES));
    const sent = calls.send(this.fd, bytes, 0);
    if (sent < 0) throw new NetlinkError(sent, "send to netlink");
    return this.receive();
  }

  close(): void {
    systemCalls().close(this.fd);
  }

  private receive(): Message[] {
    const messages: Message[] = [];
    for (;;) {
      const received = systemCalls().receive(this.fd, this.buffer, MSG_DONTWAIT);
      if (received === -EAGAIN) return messages;
      if (received === -EINTR) continue;
      if (received < 0) throw new NetlinkError(received, "receive from netlink");
      // A copy, because the buffer is used again.
      messages.push(...decodeMessages(this.buffer.slice(0, received)));
    }
  }
}

function encodeInt32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, HOST_LITTLE_ENDIAN);
  return bytes;
}
