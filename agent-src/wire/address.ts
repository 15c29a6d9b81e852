/** Address bytes as text that net.connect takes. */
export declare function formatAddress(address: Uint8Array): string;
/** "10.0.0.1" or "fe80::1" to 4 or 16 bytes; v4-mapped IPv6 becomes 4 bytes; undefined if it is neither. */
export declare function parseAddress(text: string): Uint8Array | undefined;
