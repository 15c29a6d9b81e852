/** What a launch asks for when the far side has no runtime: a file to upload, by what is known of the machine. */

/** What stage 0 found out about a machine without a runtime. */
export interface RuntimeTarget {
  /** As process.platform has it: "linux", "darwin", "freebsd". */
  readonly platform: string;
  /** As process.arch has it: "x64", "arm64". */
  readonly arch: string;
  readonly libc: "glibc" | "musl" | undefined;
  /** Such as "2.36"; undefined where it could not be learnt. */
  readonly libcVersion: string | undefined;
}

/** A runtime's executable on the near side's disk: one file. */
export interface RuntimeFile {
  readonly path: string;
  readonly name: "node" | "bun" | "deno";
  /** Without a "v": "20.20.2". */
  readonly version: string;
  readonly bytes: number;
  /** Hex sha256 of the file. */
  readonly sha256: string;
  /** Libraries beside the libc that must be there, such as "libstdc++.so.6": the likely reason if it does not start. */
  readonly assumes: readonly string[];
}

export interface RuntimeProvider {
  /**
   * A runtime that runs on such a machine, best first choice only.
   * @throws BootstrapError that says what was looked at, and what to do.
   */
  find(target: RuntimeTarget): Promise<RuntimeFile>;
  /** Called before each upload, with the folder there; what it throws puts an end to the launch. */
  readonly onUpload?: (file: RuntimeFile, folder: string) => void;
  /** Compressed bytes that the transport has taken, of all of them; called often. */
  readonly onProgress?: (progress: UploadProgress) => void;
}

export interface UploadProgress {
  readonly file: RuntimeFile;
  readonly sentBytes: number;
  /** Compressed; undefined while it is not known yet. */
  readonly totalBytes: number | undefined;
  readonly done: boolean;
}
