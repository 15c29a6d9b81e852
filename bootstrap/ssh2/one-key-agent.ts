/** A key of wherever, in the form in which ssh2 waits for its signature. */
import ssh2 from "ssh2";
import type { ParsedKey, SignCallback, SigningRequestOptions } from "ssh2";

type Signer = (data: Buffer, options: SigningRequestOptions) => Promise<Buffer>;

/** An agent that holds one key. */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  private readonly key: ParsedKey;
  private readonly signer: Signer;

  constructor(key: ParsedKey, signer: Signer) {
    super();
    this.key = key;
    this.signer = signer;
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    callback(undefined, [this.key]);
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === "function") void this.answer(data, {}, options);
    else if (callback !== undefined) void this.answer(data, options, callback);
  }

  private async answer(data: Buffer, options: SigningRequestOptions, callback: SignCallback): Promise<void> {
    try {
      // ssh2 throws in here if it can make nothing of the signature.
      callback(undefined, await this.signer(data, options));
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
