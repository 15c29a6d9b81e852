/** Where the build puts stage 2's text. */
export const STAGE2_FILE: URL = new URL("../../dist/bootstrap/stage2.txt", import.meta.url);

/** Short names for the parameters of stage 2's function, by those that its source has. */
export const STAGE2_PARAMETERS = { MARK: "$m", PAYLOAD_BYTES: "$n", PAYLOAD_SHA256: "$h" } as const;
