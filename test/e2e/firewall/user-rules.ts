/** Rules that a machine may have of its own, which must be the same before and after. */

/** What Docker writes with iptables, and what firewalld writes with nft. */
export const USER_RULES = `
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.30.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80
iptables -N DOCKER-USER
iptables -A FORWARD -j DOCKER-USER
iptables -A DOCKER-USER -j RETURN
nft -f - <<'END'
table inet firewalld {
  chain nat_PREROUTING {
    type nat hook prerouting priority dstnat + 10; policy accept;
    tcp dport 9090 redirect to :9091
  }
  chain nat_OUTPUT {
    type nat hook output priority -90; policy accept;
    ip daddr 172.31.0.1 tcp dport 9090 redirect to :9091
  }
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state established,related accept
  }
}
END
`;

/** Removes everything, so that a test starts from nothing. The tables of iptables-legacy stay, empty. */
export const NO_RULES = `
for tool in iptables-legacy ip6tables-legacy; do
  for table in nat filter; do
    $tool -w -t $table -F
    $tool -w -t $table -X
  done
done
nft flush ruleset
`;
