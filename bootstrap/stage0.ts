/**
 * Stage 0: the one command on ssh's command line, and the line on stdin that it reads and evaluates.
 *
 * The command is the same for every host and holds nothing that a login shell could misread: names, and one
 * single-quoted word without "!" or a newline. `read` takes one line byte by byte and leaves the rest of
 * stdin alone, so the line may be of any length and needs no quoting for the login shell. `exec` is only
 * ever said to the inner sh, since a restricted login shell refuses it.
 */

/** Exit statuses of the far side before there is a runtime; bootstrap/failure.ts explains them. */
export const NO_LINE_STATUS = 96;
export const NO_RUNTIME_STATUS = 97;

/** What sshd hands to the user's login shell. */
export const COMMAND: string = `sh -c 'IFS= read -r x||exit ${NO_LINE_STATUS};eval "$x"'`;

/** Folders of node, by version managers and packagers, that are not on the PATH of a command over ssh. */
const PLACES: readonly string[] = [
  "~/.volta/bin",
  "~/.nvm/versions/node/*/bin",
  "~/.local/share/fnm/node-versions/*/installation/bin",
  "~/.fnm/node-versions/*/installation/bin",
  "~/.asdf/installs/nodejs/*/bin",
  "~/.local/share/mise/installs/node/*/bin",
  "~/.nodenv/versions/*/bin",
  "~/n/bin",
  "/usr/local/bin",
  "/opt/homebrew/bin",
  "/home/linuxbrew/.linuxbrew/bin",
  "/snap/bin",
  "/opt/node*/bin",
  "~/.nix-profile/bin",
  "/run/current-system/sw/bin",
];

/** Versions from 8 on, as `node -v` prints them. */
const NEW_ENOUGH = "v[89].*|v[1-9][0-9]*.*";

/**
 * The line that finds a runtime and starts stage 1 in it, newline included. Where it finds none, it says on
 * stderr what it tried, on one line that begins with the mark.
 * @param runtime shell words to use instead of searching, e.g. "/opt/node/bin/node --jitless".
 * @throws RangeError if they are not in one line.
 */
export function discoveryLine(mark: string, stage1: string, runtime?: string): string {
  if (runtime !== undefined && /[\n\0]/.test(runtime)) {
    throw new RangeError(`Cannot use ${JSON.stringify(runtime)} as the runtime: it is not one line`);
  }
  // A path that is not there is no news; a name that is not known, or whatever answers wrongly, is.
  const search = `for n in node nodejs ${PLACES.join(" ")};do case $n in /*)n=$n/node;[ -x "$n" ]||continue;esac;`;
  const [loop, run, end] =
    runtime === undefined ? [search, '"$n"', "done;"] : ["n='--runtime';", runtime, ""];
  // -v is asked without our stdin: a wrapper script must not eat the stage that follows this line.
  const ask = `v=$(${run} -v 2>&1 </dev/null);case $v in ${NEW_ENOUGH})exec ${run} -e "${stage1}";esac;t="$t $n: $v,";`;
  return `cd /;unset NODE_OPTIONS;t=;${loop}${ask}${end}echo ${mark} ${NO_RUNTIME_STATUS} tried:$t>&2;exit ${NO_RUNTIME_STATUS}\n`;
}
