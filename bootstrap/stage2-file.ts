/** Where the build puts the texts of the stages. */
export const STAGE2_FILE: URL = new URL("../../dist/bootstrap/stage2.txt", import.meta.url);
export const CHILD_STAGE_FILE: URL = new URL("../../dist/bootstrap/child-stage.txt", import.meta.url);

/** Short names for the parameters of stage 2's function, by those that its source has. */
export const STAGE2_PARAMETERS = { MARK: "$m", PAYLOAD_BYTES: "$n" } as const;
export const CHILD_STAGE_PARAMETERS = { STAGE2_BYTES: "$n", DIRECTORY: "$d" } as const;
