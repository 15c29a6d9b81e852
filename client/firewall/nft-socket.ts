/** The shell around nft.ts: one netlink socket, which also owns the tables made through it. */
import { errnoName } from "../ffi.ts";
import { FirewallError } from "./errors.ts";
import { decodeAcknowledgement, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE } from "./netlink.ts";
import type { Acknowledgement, Message } from "./netlink.ts";
import { NetlinkError, NetlinkSocket } from "./netlink-socket.ts";
import { batchBegin, batchEnd, decodeGeneration, decodeNftObject, nftDump, nftGetGeneration } from "./nft.ts";
import type { NftObject, NftRequest } from "./nft.ts";

const NETLINK_NETFILTER = 12;

/** The kernel refused a request; `result` is minus errno. */
export class NftRefusal extends Error {
  readonly result: number;

  constructor(result: number, text?: string) {
    super(text === undefined ? errnoName(result) : `${errnoName(result)} (${text})`);
    this.name = "NftRefusal";
    this.result = result;
  }
}

export class NftSocket {
  private readonly socket: NetlinkSocket;
  private sequence = 1;

  /** @throws FirewallError if this kernel has no nfnetlink or koffi is missing. */
  constructor() {
    try {
      this.socket = new NetlinkSocket(NETLINK_NETFILTER);
    } catch (cause) {
      if (!(cause instanceof NetlinkError)) throw cause;
      throw new FirewallError("firewall-no-method", `nf_tables cannot be used: ${errnoName(cause.result)}`, {
        cause,
      });
    }
  }

  /**
   * Sends requests as one transaction: all of them hold afterwards, or none. With a generation it is refused
   * (ERESTART) if anything has changed since.
   * @throws NftRefusal with the first error.
   */
  commit(requests: readonly NftRequest[], generation?: number): void {
    this.transact([batchBegin(generation), ...requests], [batchEnd()]);
  }

  /**
   * Has the kernel check a transaction and drop it: a batch without its end is validated and aborted.
   * @throws NftRefusal with the first error.
   */
  check(requests: readonly NftRequest[]): void {
    this.transact([batchBegin(), ...requests], []);
  }

  /** Tables and chains of a family, or of all of them (0), and the generation in which they were so. */
  list(family: number): { readonly generation: number; readonly objects: readonly NftObject[] } {
    for (;;) {
      const generation = this.generation();
      const objects = (["tables", "chains"] as const).flatMap((what) =>
        this.ask(nftDump(what, family), NLM_F_DUMP)
          .map(decodeNftObject)
          .filter((object) => object !== undefined),
      );
      if (this.generation() === generation) return { generation, objects };
    }
  }

  /** Tables that the socket owns go with it. */
  close(): void {
    this.socket.close();
  }

  private generation(): number {
    const [answer] = this.ask(nftGetGeneration(), 0);
    return answer === undefined ? 0 : decodeGeneration(answer);
  }

  /** One acknowledgement shows that the kernel came to the end; errors it tells of without being asked. */
  private transact(requests: readonly NftRequest[], end: readonly NftRequest[]): void {
    const last = requests.length - 1;
    const messages = [
      ...requests.map((request, index) => this.number(request, index === last ? NLM_F_ACK : 0)),
      ...end.map((request) => this.number(request, 0)),
    ];
    this.exchange(messages);
  }

  private ask(request: NftRequest, flags: number): Message[] {
    return this.exchange([this.number(request, flags)]).filter((message) => message.type !== NLMSG_DONE);
  }

  private exchange(messages: readonly Message[]): Message[] {
    let answers: Message[];
    try {
      answers = this.socket.exchange(messages);
    } catch (error) {
      throw error instanceof NetlinkError ? new NftRefusal(error.result, error.message) : error;
    }
    const refused = answers
      .map(decodeAcknowledgement)
      .find((answer): answer is Acknowledgement => answer !== undefined && answer.result < 0);
    if (refused !== undefined) throw new NftRefusal(refused.result, refused.text);
    return answers;
  }

  private number(request: NftRequest, flags: number): Message {
    return { ...request, flags: request.flags | NLM_F_REQUEST | flags, sequence: this.sequence++ };
  }
}
