/** The shell around nft.ts: one netlink socket, which also owns the tables made through it. */
import { constants } from "node:os";
import { errnoName, systemCalls } from "../ffi.ts";
import { FirewallError } from "./errors.ts";
import {
  decodeAcknowledgement,
  decodeMessages,
  encodeMessages,
  HOST_LITTLE_ENDIAN,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
} from "./netlink.ts";
import type { Acknowledgement, Message } from "./netlink.ts";
import { batchBegin, batchEnd, decodeGeneration, decodeNftObject, nftDump, nftGetGeneration } from "./nft.ts";
import type { NftObject, NftRequest } from "./nft.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** Without it ssh would inherit the socket and keep the table alive after this process. */
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
/** Kernel-side bytes a batch may need beyond its own length. */
const SEND_SLACK_BYTES = 65_536;
/** The kernel cuts dumps into datagrams of at most 32 KiB. Source: netlink_dump() in af_netlink.c. */
const RECEIVE_BYTES = 65_536;
const RECEIVE_QUEUE_BYTES = 4_194_304;
const { EAGAIN, EINTR, ENOBUFS } = constants.errno;

/** The kernel refused a request; `result` is minus errno. */
export class NftRefusal extends Error {
  readonly result: number;

  constructor(result: number, text: string | undefined) {
    super(text === undefined ? errnoName(result) : `${errnoName(result)} (${text})`);
    this.name = "NftRefusal";
    this.result = result;
  }
}

export class NftSocket {
  private readonly fd: number;
  private sequence = 1;
  private readonly buffer = new Uint8Array(RECEIVE_BYTES);

  /** @throws FirewallError if this kernel has no nfnetlink or koffi is missing. */
  constructor() {
    const calls = systemCalls();
    this.fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (this.fd < 0) {
      throw new FirewallError(
        "firewall-no-method",
        `Cannot open a netlink socket to the firewall: ${errnoName(this.fd)}`,
      );
    }
    // family, then zeros: the kernel chooses the port id.
    const address = new Uint8Array(12);
    new DataView(address.buffer).setUint16(0, AF_NETLINK, HOST_LITTLE_ENDIAN);
    const bound = calls.bind(this.fd, address);
    if (bound < 0) {
      calls.close(this.fd);
      throw new FirewallError("firewall-no-method", `Cannot bind a netlink socket: ${errnoName(bound)}`);
    }
    // Older kernels refuse these; errors are then told by number only.
    calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, int32(1));
    calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, int32(1));
    calls.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(RECEIVE_QUEUE_BYTES));
  }

  /**
   * Sends requests as one transaction: all of them hold afterwards, or none.
   * @throws NftRefusal with the first error.
   */
  commit(requests: readonly NftRequest[], generation?: number): void {
    this.transact([batchBegin(generation), ...requests, batchEnd()]);
  }

  /**
   * Has the kernel check a transaction and drop it: a batch without its end is validated and aborted.
   * @throws NftRefusal with the first error.
   */
  check(requests: readonly NftRequest[]): void {
    this.transact([batchBegin(), ...requests]);
  }

  /** Tables and chains of a family, or of all of them (0), and the generation in which they were so. */
  list(family: number): { readonly generation: number; readonly objects: readonly NftObject[] } {
    for (;;) {
      const generation = this.generation();
      const objects = (["tables", "chains"] as const).flatMap((what) =>
        this.request(nftDump(what, family), NLM_F_DUMP)
          .map(decodeNftObject)
          .filter((object) => object !== undefined),
      );
      if (this.generation() === generation) return { generation, objects };
    }
  }

  /** Tables that the socket owns go with it. */
  close(): void {
    systemCalls().close(this.fd);
  }

  private generation(): number {
    const [answer] = this.request(nftGetGeneration(), NLM_F_ACK);
    return answer === undefined ? 0 : decodeGeneration(answer);
  }

  private transact(requests: readonly NftRequest[]): void {
    const last = requests.length - 1;
    // One acknowledgement is enough to see that the kernel came to the end; errors are told of without asking.
    const messages = requests.map((request, index) =>
      this.number(request, index === Math.min(last, requests.length - 2) ? NLM_F_ACK : 0),
    );
    this.send(messages);
    this.raise(this.receive());
  }

  private request(request: NftRequest, flags: number): Message[] {
    this.send([this.number(request, flags)]);
    const answers = this.receive();
    this.raise(answers);
    return answers.filter((message) => message.type !== NLMSG_DONE);
  }

  private number(request: NftRequest, flags: number): Message {
    return { ...request, flags: request.flags | NLM_F_REQUEST | flags, sequence: this.sequence++ };
  }

  private send(messages: readonly Message[]): void {
    const bytes = encodeMessages(messages);
    systemCalls().setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, int32(bytes.length + SEND_SLACK_BYTES));
    const sent = systemCalls().send(this.fd, bytes, 0);
    if (sent < 0) throw new NftRefusal(sent, "the request could not be sent");
  }

  /** The kernel works while send() runs, so every answer but a long dump's rest is there already. */
  private receive(): Message[] {
    const messages: Message[] = [];
    for (;;) {
      const received = systemCalls().receive(this.fd, this.buffer, MSG_DONTWAIT);
      if (received === -EAGAIN) return messages;
      if (received === -EINTR) continue;
      if (received < 0) throw new NftRefusal(received === -ENOBUFS ? -ENOBUFS : received, undefined);
      messages.push(...decodeMessages(this.buffer.slice(0, received)));
    }
  }

  private raise(answers: readonly Message[]): void {
    const refused = answers
      .map(decodeAcknowledgement)
      .find((answer): answer is Acknowledgement => answer !== undefined && answer.result < 0);
    if (refused !== undefined) throw new NftRefusal(refused.result, refused.text);
  }
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, HOST_LITTLE_ENDIAN);
  return bytes;
}
