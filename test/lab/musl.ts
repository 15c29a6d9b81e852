/** Debian's musl and its busybox, which is linked with nothing, unpacked and not installed: they would be in the way there. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/musl", import.meta.url));
const PACKAGES = ["musl", "busybox-static"] as const;
const run = promisify(execFile);

/** A folder with lib/ld-musl-*, usr/lib/*-linux-musl and bin/busybox. @throws Error with apt's words. */
export async function muslFolder(): Promise<string> {
  if (existsSync(CACHE)) return CACHE;
  const parent = join(CACHE, "..");
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp(join(parent, ".musl-"));
  try {
    await download(work).catch(async () => {
      await run("apt-get", ["update", "-q"]);
      await download(work);
    });
    for (const name of await readdir(work)) {
      await run("dpkg", ["-x", join(work, name), join(work, "all")]);
    }
    await rename(join(work, "all"), CACHE).catch((error: unknown) => {
      // Whoever comes second finds the place taken by the same thing.
      if (!existsSync(CACHE)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return CACHE;
}

async function download(folder: string): Promise<void> {
  // As root apt would hand it to a user of its own, who may not write there.
  await run("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", ...PACKAGES], { cwd: folder });
}
