/**
 * Stage 1: given to the runtime by -e, it reads exactly stage 2 from stdin, inflates and evaluates it. The
 * zlib format ends with a checksum (RFC 1950), so a damaged or shortened stage 2 is never run.
 *
 * There is no quote, dollar sign, backslash, backtick or "!" in it, so it stands between double quotes in any
 * shell. read(n) gives null until n bytes are there, and at the end of stdin whatever there is; the surplus
 * stays in process.stdin for stage 2 and the agent. At an end without any byte nothing is left to do, and the
 * process ends with the status that was set first; stage 2 takes it back.
 */

/** Exit status for input that ended early or was not what was sent. */
export const TRUNCATED_STATUS = 98;

export function stage1Text(stage2Bytes: number): string {
  return (
    `p=process;p.exitCode=${TRUNCATED_STATUS};s=p.stdin;(function r(){b=s.read(${stage2Bytes});` +
    "b?require(/zlib/.source).inflate(b,function(e,t){e?p.exit():eval(t+[])}):s.once(/readable/.source,r)})()"
  );
}
