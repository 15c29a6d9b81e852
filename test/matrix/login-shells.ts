/**
 * What becomes of a launch under every login shell and in every situation that logins are known for, each by a real sshd of
 * the lab: `npm run matrix:shells` writes the table of docs/login-shells.md, or ends with 1 if a cell is not what
 * test/lab/login-situations.ts expects.
 */
import { createLab } from "../lab/lab.ts";
import { LOGIN_SHELLS, SITUATIONS, canArise, openLogins, surprise } from "../lab/login-situations.ts";
import { markdownTable, writePart } from "./markdown-page.ts";

const PAGE = new URL("../../../docs/login-shells.md", import.meta.url);

async function main(): Promise<boolean> {
  const lab = await createLab();
  const rows: string[][] = [];
  let isGood = true;
  try {
    const logins = await openLogins(lab);
    for (const shell of LOGIN_SHELLS) {
      const row: string[] = [shell.name];
      for (const situation of SITUATIONS) {
        if (!canArise(shell, situation)) {
          row.push("–");
          continue;
        }
        const result = await logins.launch(shell, situation);
        const wrong = surprise(result, situation);
        isGood &&= wrong === undefined;
        row.push(result.outcome);
        console.log(`${shell.name}, ${situation.title}: ${wrong ?? result.outcome}`);
      }
      rows.push(row);
    }
  } finally {
    await lab.close();
  }
  if (!isGood) return false;
  await writePart(PAGE, "matrix", markdownTable([["", ...SITUATIONS.map(({ title }) => title)], ...rows]));
  return true;
}

process.exitCode = (await main()) ? 0 : 1;
