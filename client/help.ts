/** The options of connection.ts. */
const WHERE_TO = `  -r, --remote HOST      the ssh destination; without it everything runs on this machine
  -e, --ssh-cmd CMD      how to run ssh (default "ssh"), e.g. -e "ssh -i key -J jump"
  -J, --jump-host HOST   jump hosts on the way, as ssh -J
      --ssh-config FILE  in place of ~/.ssh/config and /etc/ssh/ssh_config, as ssh -F
      --transport KIND   openssh (default), or ssh2: without an ssh program on this machine (docs/ssh2.md)
      --no-cipher-preference  leave the cipher to ssh; else AES-GCM comes first where the ssh configuration names none and
                         this CPU has instructions for it (docs/cipher.md)
      --runtime CMD      the JavaScript runtime there, instead of searching one, e.g. /opt/node/bin/node
      --runtime-from PATH  a runtime's executable on this machine, or a folder with some: to upload where there is none
      --no-upload        a server without a runtime is an error`;

/** What --help prints. */
export const HELP: string = `Usage: sshuttle -r [user@]host[:port] SUBNET... [options]
       sshuttle -r [user@]host[:port] --socks [ADDR:]PORT
       sshuttle run [-r [user@]host[:port]] SCRIPT [ARGS]
       sshuttle bundle [ENTRY] [--inspect [--json | --html FILE]] [-o FILE]
       sshuttle runtime fetch [TARGET...] | list | prune [--all]
       sshuttle doctor [-r [user@]host[:port]] [--json] [TARGET[:PORT] | SUBNET]...
       sshuttle cleanup

A tunnel over ssh that needs nothing on the server but sshd.

SUBNET is IP[/BITS][:PORT[-PORT]], [IPv6[/BITS]]:PORT, or a host name:
  10.0.0.0/8   10/8   0/0   ::/0   10.0.0.0/8:80-443   [2001:db8::/32]:443   db.example
The most specific subnet wins: narrower ports first, then the longer prefix, then an exclude.

Where to:
${WHERE_TO}
      --no-agent         run nothing there: TCP by sshd's own forwarding (ssh -D), slower, without reasons of failures

What goes through:
  -x, --exclude SUBNET   leave these destinations alone (may be repeated)
  -l, --listen ADDR      where captured connections arrive: IP, PORT, IP:PORT, [IPv6]:PORT, a comma list;
                         0.0.0.0 also serves the clients of a LAN that this machine routes for
      --method METHOD    auto (default), nft, nat (iptables), socks
      --socks [ADDR:]PORT  a proxy for SOCKS5, SOCKS4a and HTTP CONNECT, on loopback unless ADDR says else;
                         needs no root
      --disable-ipv6     capture IPv4 only

How much at a time (docs/link.md; without either, as much as the path holds):
      --no-latency-control  never hold data back so that others need not wait behind it
      --latency-buffer-size BYTES  have so much in flight at most, each way, 1024 to 67108864

Other:
  -v, --verbose          say more: -v connections, and statistics at the end; -vv rules and the far side, -vvv everything
      --stats-json FILE  write the statistics of each second as a line of JSON (docs/link.md); SIGUSR1 prints them
  -V, --version          print the version
  -h, --help             print this

run      runs a TypeScript or JavaScript program there, nothing installed; sshuttle run --help
bundle   shows or writes what is uploaded to the far side: ENTRY is a program, or an archive (.tar) that
         -o wrote; without ENTRY, it is the tunnel's own agent
runtime  fetches runtimes to upload to servers that have none; sshuttle runtime --help
doctor   walks the way to a server step by step, and says of each whether it works, and what to do; doctor --help
cleanup  removes firewall rules that a crash left behind
`;

/** What run --help prints. */
export const RUN_HELP: string = `Usage: sshuttle run [options] SCRIPT [ARGS]...

Runs a program of this machine on another: SCRIPT is TypeScript or JavaScript, and goes there with all that it
imports; or an archive of such, made by sshuttle bundle SCRIPT -o NAME.tar. What follows SCRIPT is the program's.
Its stdin, stdout, stderr, signals and exit status are ours.

${WHERE_TO}
  -t, --terminal         a terminal there, which is this one: for prompts, keys, colours, a screen
      --env NAME[=VALUE] set a variable in its environment, by default to the value that it has here (may be repeated)
  -v, --verbose          say more: -v the far side, -vv processes
  -h, --help             print this
`;

/** What doctor --help prints. */
export const DOCTOR_HELP: string = `Usage: sshuttle doctor [-r [user@]host[:port]] [--json] [TARGET[:PORT] | SUBNET]...

Says why it does not work: each step of the way as a line, with ok, warning or problem, and the fix. Nothing is
changed, here or there. Without -r, the steps of this machine only. Ends with 1 if there is a problem.

TARGET is a host to be reached from the server, by name or address: db.internal:5432, [2001:db8::1]:22.
Without PORT, 443 is tried, and a host that refuses is there as well.
SUBNET has a "/", and is looked at as one to be captured: 10.0.0.0/8.

${WHERE_TO}
      --json             one JSON object instead of lines (docs/doctor.md)
  -v, --verbose          say more on stderr: -v connections, -vv the far side
  -h, --help             print this
`;

/** What runtime --help prints. */
export const RUNTIME_HELP = `Usage: sshuttle runtime fetch [TARGET...]
       sshuttle runtime list
       sshuttle runtime prune [--all]

A server without a JavaScript runtime gets one uploaded: what --runtime-from names, or else the one that runs
sshuttle here, or else one that was fetched. Nothing is fetched unless you ask for it here.

fetch  gets a runtime for TARGET by npm, as npm is configured, and checks it against the hashes of this version:
       linux-x64, linux-arm64           glibc 2.28 or later
       linux-x64-glibc2.17, linux-arm64-glibc2.17
       linux-x64-musl, linux-arm64-musl
       darwin-x64, darwin-arm64
       without TARGET, for a machine like this one
list   shows this machine's own and those that were fetched, with what they need
prune  removes those that this version of sshuttle cannot use; --all the others too
`;
