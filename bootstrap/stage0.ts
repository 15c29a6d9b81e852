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

/**
 * Names, and folders with a node by version managers and packagers, which are not on the PATH of a command over ssh.
 * Volta's own bin holds shims, which may start a download.
 */
const NODES: readonly string[] = [
  "node",
  "nodejs",
  "~/.volta/tools/image/node/*/bin",
  "~/.nvm/versions/node/*/bin",
  "~/.local/share/fnm/node-versions/*/installation/bin",
  "~/.fnm/node-versions/*/installation/bin",
  "~/.asdf/installs/nodejs/*/bin",
  "~/.local/share/mise/installs/node/*/bin",
  "~/.nodenv/versions/*/bin",
  "~/n/bin",
  "/usr/local/bin",
  "/usr/local/n/versions/node/*/bin",
  "/opt/homebrew/bin",
  "/opt/homebrew/opt/node*/bin",
  "/home/linuxbrew/.linuxbrew/bin",
  "/snap/bin",
  "/opt/node*/bin",
  "~/.nix-profile/bin",
  "/run/current-system/sw/bin",
];

/** Taken where no Node will do, the first that answers. */
const OTHERS: readonly string[] = ["bun", "deno", "~/.bun/bin/bun", "~/.deno/bin/deno"];

/** Major and minor version, the latter in two digits, as one number: the newest Node is the greatest above this. */
const BELOW_OLDEST = 799;

/**
 * The line that finds a runtime and starts stage 1 in it, newline included: of every Node that is new enough the
 * newest, else a Bun or a Deno. Where there is none, it says on stderr what it tried, on one line that begins with the
 * mark, and reads on: what was sent behind it is skipped, and the rest of each line that begins with the mark is
 * evaluated. At the end of stdin it ends.
 * @param runtime shell words to use instead of searching, e.g. "/opt/node/bin/node --jitless".
 * @throws RangeError if they are not in one line.
 */
export function discoveryLine(mark: string, stage1: string, runtime?: string): string {
  if (runtime !== undefined && /[\n\0]/.test(runtime)) {
    throw new RangeError(`Cannot use ${JSON.stringify(runtime)} as the runtime: it is not one line`);
  }
  const [names, asked, found] =
    runtime === undefined
      ? [[...NODES, ...OTHERS].join(" "), '"$n"', '"$r"']
      : ["--runtime", runtime, runtime];
  // A path that is not there is no news; a name that is not known, or whatever answers wrongly, is.
  const path = `case $n in /*)[ -d "$n" ]&&n=$n/node;[ -x "$n" ]||continue;esac;`;
  // -v is asked without our stdin: a wrapper script must not eat the stage that follows this line.
  const ask = `v=$(${asked} -v 2>&1 </dev/null);t="$t $n: $v,";`;
  const node = `v[1-9]*)IFS=.;set -- \${v#v};unset IFS;case $2 in ?)set -- $1 0$2;esac;[ $1$2 -gt $b ]&&b=$1$2 r=$n;;`;
  const other = `[1-9].*|deno\\ [2-9]*)[ "$r" ]||{ r=$n;case $v in d*)e=eval;esac;};;`;
  const search = `for n in ${names};do ${path}${ask}case $v in ${node}${other}esac;done 2>/dev/null;`;
  const start = `[ "$r" ]&&exec ${found} $e "${stage1}";`;
  const wait = `while IFS= read -r x;do case $x in $k*)eval "\${x#$k}";esac;done;exit ${NO_RUNTIME_STATUS}`;
  // The mark comes late: what something else has read of our line is missing at its beginning.
  return `cd /;unset NODE_OPTIONS;t=;r=;e=-e;b=${BELOW_OLDEST};${search}${start}k=${mark};echo $k ${NO_RUNTIME_STATUS} tried:$t>&2;${wait}\n`;
}
