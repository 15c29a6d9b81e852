/** Where the build puts stage 2's text. */
export const STAGE2_FILE: URL = new URL("../../dist/bootstrap/stage2.txt", import.meta.url);
