/** An IP endpoint: 4 or 16 address bytes, network order. */
export interface Endpoint {
  readonly address: Uint8Array;
  readonly port: number;
}

/** What the client asks the agent to open. `unknown` is what a later client may ask of this agent. */
export type Target =
  | { readonly kind: "tcp"; readonly address: Uint8Array; readonly port: number }
  | { readonly kind: "tcp-name"; readonly name: string; readonly port: number }
  /** The loader's source maps: the client writes the payload and ends. */
  | { readonly kind: "maps" }
  | { readonly kind: "unknown"; readonly number: number };
