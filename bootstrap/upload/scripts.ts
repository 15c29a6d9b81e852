/**
 * What the sh of a machine without a runtime evaluates, line by line, to get one: POSIX sh, no line breaks, and of tools only
 * those that minimal systems have. They are said in this order by one shell, whose variables they share: $k the mark,
 * $d the folder, $f the runtime in it, $p what is being uploaded. Each answers by one `say` (machine.ts defines it).
 */
import type { RuntimeFile, RuntimeTarget } from "../runtime-provider.ts";
import { SHA256_COMMAND } from "./machine.ts";

/** Folders for runtimes, the best first. What is not an absolute path is passed over. */
const FOLDERS: readonly string[] = [
  '"${XDG_CACHE_HOME:-${HOME:-.}/.cache}/sshuttle"',
  '"${HOME:-.}/.sshuttle"',
  '"/var/tmp/sshuttle-$u"',
  '"${TMPDIR:-/tmp}/sshuttle-$u"',
  '"/dev/shm/sshuttle-$u"',
];

/** Beside the runtime's bytes, for what others write at the same time. */
const SPARE_KIB = 4096;

/** By its name alone two that differ are told apart. */
export function cachedName(file: RuntimeFile, target: RuntimeTarget): string {
  const { platform, arch, libc } = target;
  const parts = ["runtime", file.name, file.version, platform, arch, libc ?? "any", file.sha256];
  return parts.map((part) => part.replaceAll(/[^\w.]/g, "_")).join("-");
}

/**
 * Looks for the runtime in every folder, and answers `use PATH` if it is there and is what was once uploaded. Else it
 * answers with the first folder that can take it, `place NUMBER PATH`, counted from 1, or `none REASONS`. A folder
 * must be ours, closed to others and no link; the shell's own listing tells all of that at once.
 * @param after number of the last folder that was tried.
 */
export function placeScript(file: RuntimeFile, target: RuntimeTarget, after: number): string {
  const name = cachedName(file, target);
  const kib = Math.ceil(file.bytes / 1024) + SPARE_KIB;
  const folders = FOLDERS.join(" ");
  const passOver = (reason: string): string => `{ r="$r $d: ${reason};";continue;}`;
  return [
    "u=$(id -u);umask 077;a=;r=;i=0",
    // The mode of a folder may show a set-group-ID bit that its parent left to it.
    'own(){ set -- "$1" "$2" $(ls -ldn "$1" 2>/dev/null);case $3 in $2*)[ "$5" = "$u" ];;*)false;;esac;}',
    `sum(){ case $(${SHA256_COMMAND} <"$1" 2>/dev/null) in ${file.sha256}*);;*)false;;esac;}`,
    `for d in ${folders};do case $d in /*);;*)continue;;esac;f=$d/${name}`,
    'own "$d" \'drwx--[-S]---\'&&[ -f "$f" ]||continue',
    'if own "$f" -rwx------&&sum "$f";then a="use $f";break;fi;rm -f "$f";done',
    `[ "$a" ]||for d in ${folders};do i=$((i+1));[ $i -gt ${after} ]||continue;case $d in /*);;*)continue;;esac`,
    `mkdir -p "\${d%/*}" 2>/dev/null;mkdir "$d" 2>/dev/null;own "$d" 'drwx--[-S]---'||${passOver("no folder that is ours alone")}`,
    // Of uploads that were cut. A process that has ended owns nothing any more.
    'for p in "$d"/.upload-"$(uname -n)"-*;do [ -f "$p" ]&&! kill -0 "${p##*-}" 2>/dev/null&&rm -f "$p";done',
    // exec, which is the way it goes well, runs no trap.
    "p=$d/.upload-$(uname -n)-$$;trap 'rm -f \"$p\"' 0;trap 'exit 129' 1 13 15",
    `{ { echo '#!/bin/sh';echo exit 7;}>"$p";} 2>/dev/null||${passOver("cannot be written to")}`,
    `chmod 700 "$p";"$p" 2>/dev/null;[ $? = 7 ]||{ rm -f "$p";r="$r $d: no program can be run there;";continue;}`,
    's=$(df -Pk "$d" 2>/dev/null|{ read -r x;read -r x x x s x;echo $s;})',
    `[ "\${s:-${kib}}" -ge ${kib} ]||{ rm -f "$p";r="$r $d: $s KiB are free and ${kib} needed;";continue;}`,
    'a="place $i $d";break;done',
    'say "${a:-none$r}"',
  ].join(";");
}

/**
 * Takes exactly so many bytes of stdin, and answers `stored` when they have become the runtime, `failed REASON` if this
 * folder could not take it, `unusable WORDS` if it does not start there. Of other runtimes in the folder one is kept.
 */
export function receiveScript(
  file: RuntimeFile,
  target: RuntimeTarget,
  sent: { readonly bytes: number; readonly gzip: boolean },
): string {
  const name = cachedName(file, target);
  const inflate = sent.gzip ? "|gzip -dc" : "";
  return [
    `f=$d/${name};e=$({ head -c ${sent.bytes}${inflate} >"$p";} 2>&1);set -- $(wc -c <"$p")`,
    `if [ "$1" != ${file.bytes} ];then rm -f "$p";say "failed $d: \${1:-0} of ${file.bytes} bytes could be written $(echo $e)"`,
    'elif ! sum "$p";then rm -f "$p";say "failed $d: its sha256 is another"',
    'elif ! v=$("$p" -v 2>&1 </dev/null);then rm -f "$p";say "unusable $(echo $v)"',
    'elif ! e=$(mv -f "$p" "$f" 2>&1);then rm -f "$p";say "failed $d: $(echo $e)"',
    `else i=0;for q in $(cd "$d"&&ls -t);do case $q in ${name});;runtime-*)i=$((i+1));[ $i = 1 ]||rm -f "$d/$q";;esac;done`,
    "say stored;fi",
  ].join(";");
}

/** Takes back what the search for a place has made. */
export const LEAVE_SCRIPT = 'rm -f "$p";rmdir "$d" 2>/dev/null';

/** Becomes the runtime that was found or stored, which reads on. */
export function startScript(file: RuntimeFile, stage1: string): string {
  return `exec "$f" ${file.name === "deno" ? "eval" : "-e"} "${stage1}"`;
}
