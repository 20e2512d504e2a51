"""The script that dumps a host. It is kept as text because it also runs where Python does not, such as a dom0.

POSIX sh only: dash and busybox run it. It reads and changes nothing, and it asks for no more of a guest's configuration than its name,
its network cards and their addresses: xl list -l, qm config and xenstore at large would give passwords away.

What it prints: ``%section NAME PLACE`` opens a section, lines of its content stand behind one space, ``%note`` is a remark of the script
on the section, ``%end`` says that the dump is whole. A place is ``here``, ``netns:NAME`` or ``pid:NUMBER`` (a namespace without a name,
by a process in it).
"""

from __future__ import annotations

SCRIPT = r"""#!/bin/sh
# csumlab host: prints what decides about checksums on this host. It only reads. Without root it sees less.
# Usage: sh csumlab-host.sh [NETNS...] > dump.txt
# With names, those network namespaces; without, all that have a name and those of containers. "-" alone: none.
set -f
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/xensource/bin
export LC_ALL PATH
place=here
enter=
limit=
timeout 5 true 2>/dev/null && limit='timeout 20'

have() { command -v "$1" >/dev/null 2>&1; }
note() { printf '%%note %s\n' "$*"; }
open_section() { printf '%%section %s %s\n' "$1" "$place"; }
# Content stands behind a space, so that none of it can look like a marker.
emit() { open_section "$1"; sed 's/^/ /'; }
# enter and limit are words of a command.
# shellcheck disable=SC2086
run() { $enter $limit "$@" 2>/dev/null; }

# either TITLE COMMAND...: what the first of the commands prints that ends well. A command is a line of words.
either() {
    title=$1
    shift
    for line in "$@"; do
        # shellcheck disable=SC2086
        set -- $line
        have "$1" || { reason="$1 is not installed"; continue; }
        # shellcheck disable=SC2086
        text=$(run $line) || { reason="'$line' fails here"; continue; }
        printf '%s\n' "$text" | emit "$title"
        return 0
    done
    open_section "$title"
    note "$reason"
}

interfaces() { run cat /proc/net/dev | sed -n 's/^ *\([^: |]*\):.*/\1/p'; }

features() {
    for interface in $(interfaces); do run ethtool -k "$interface"; done
}

drivers() {
    for interface in $(interfaces); do
        printf 'interface: %s\n' "$interface"
        run ethtool -i "$interface"
    done
}

# Each line of filters behind one that names the interface and the way.
filters() {
    for interface in $(interfaces); do
        for way in ingress egress root; do
            text=$(run tc -j filter show dev "$interface" "$way") || continue
            case $text in *'"actions"'*) ;; *) continue ;; esac
            printf 'interface: %s %s\n' "$interface" "$way"
            printf '%s' "$text" | tr -d '\n\t'
            echo
        done
    done
}

# One line an interface: what sysfs knows of it, for hosts whose ip cannot tell.
sysfs='
set +f
for path in /sys/class/net/*; do
    [ -e "$path/ifindex" ] || continue
    printf "%s" "${path##*/}"
    for key in ifindex iflink type tun_flags device/features; do
        [ -r "$path/$key" ] && read -r value <"$path/$key" && printf " %s=%s" "${key##*/}" "$value"
    done
    for key in master device/driver; do
        [ -e "$path/$key" ] && value=$(readlink -f "$path/$key") && printf " %s=%s" "${key##*/}" "${value##*/}"
    done
    for key in bridge bonding wireless; do
        [ -d "$path/$key" ] && printf " %s=yes" "$key"
    done
    echo
done'

settings='
set +f
cd /proc/sys || exit
grep -sH "" net/ipv4/ip_forward net/ipv4/conf/*/forwarding net/ipv6/conf/*/forwarding \
    net/netfilter/nf_conntrack_checksum net/ipv4/netfilter/ip_conntrack_checksum net/bridge/bridge-nf-call-*
exit 0'

one_place() {
    either ip-link 'ip -d -j link' 'ip -d link' 'ip link'
    either ip-addr 'ip -d -j addr' 'ip -d addr' 'ip addr'
    either ip-route 'ip -d -j route' 'ip -d route' 'ip route'
    either ip-route6 'ip -d -j -6 route' 'ip -d -6 route' 'ip -6 route'
    either ip-rule 'ip -d -j rule' 'ip rule'
    either ip-neigh 'ip -d -j neigh' 'ip neigh'
    either netns-ids 'ip netns list-id'
    either bridge-link 'bridge -d -j link' 'bridge link'
    either bridge-vlan 'bridge -j vlan' 'bridge vlan'
    either bridge-fdb 'bridge -j fdb' 'bridge fdb'
    case $place in
        pid:*) ;;
        *) run sh -c "$sysfs" | emit sys ;;
    esac
    if have ethtool; then
        features | emit ethtool-k
        drivers | emit ethtool-i
    else
        open_section ethtool-k
        note "ethtool is not installed"
    fi
    run sh -c "$settings" | emit sysctl
    run cat /proc/net/snmp | emit snmp
    # No keys: of transformations and of WireGuard only who talks to whom.
    either xfrm-state 'ip -d xfrm state list nokeys'
    either xfrm-policy 'ip xfrm policy'
    if have wg; then
        for word in listen-port endpoints allowed-ips; do
            run wg show all "$word" | sed "s/^/$word /"
        done | emit wireguard
    fi
    either l2tp-tunnel 'ip l2tp show tunnel'
    run cat /proc/net/pppoe | emit pppoe
    if have tc; then filters | emit tc; fi
    run ip l2tp show session | grep -v cookie | emit l2tp-session
    either nft 'nft -j -t list ruleset' 'nft -j list ruleset'
    either iptables-save iptables-save
    either ip6tables-save ip6tables-save
    either iptables-legacy-save iptables-legacy-save
}

guests() {
    if [ -r /proc/xen/capabilities ]; then run cat /proc/xen/capabilities | emit xen; fi
    if have xenstore-ls; then
        # Only cards, names and addresses: the rest of the tree holds passwords.
        run xenstore-ls -f /local/domain |
            grep -E '/backend/vif/|/device/vif/|/attr/(vif|eth)|^/local/domain/[0-9]+/name ' | emit xenstore
    fi
    if have xl; then either xl 'xl list'; fi
    for kind in qemu-server lxc; do
        [ -d "/etc/pve/$kind" ] || continue
        set +f
        for file in "/etc/pve/$kind"/*.conf; do
            [ -r "$file" ] || continue
            number=${file##*/}
            # A line in brackets opens a snapshot, which is not what runs.
            sed -n -e '/^\[/q' -e "s/^name:/${number%.conf} &/p" -e "s/^hostname:/${number%.conf} &/p" \
                -e "s/^net[0-9]*:/${number%.conf} &/p" -e "s/^ipconfig[0-9]*:/${number%.conf} &/p" "$file"
        done | emit "proxmox-$kind"
        set -f
    done
    if have virsh; then
        for guest in $(run virsh -r list --name); do
            printf 'guest: %s\n' "$guest"
            run virsh -r domiflist "$guest"
        done | emit virsh
    fi
    if have ovs-vsctl; then either ovs 'ovs-vsctl --timeout=5 show'; fi
}

inode_of() { run ls -Ldi "$1" | sed 's/^ *\([0-9]*\).*/\1/'; }

named() {
    case $1 in
        *[!A-Za-z0-9._-]*)
            note "network namespace '$1' is left out: its name has odd characters"
            return
            ;;
    esac
    if ! ip netns exec "$1" true 2>/dev/null; then
        note "network namespace $1 cannot be entered"
        return
    fi
    place=netns:$1
    enter="ip netns exec $1"
    one_place
    place=here
    enter=
}

processes() {
    set +f
    ls -ld /proc/[0-9]*/ns/net 2>/dev/null |
        sed -n 's|.* /proc/\([0-9]*\)/ns/net -> net:\[\([0-9]*\)\].*|\2 \1|p' | sort -k1,1n -k2,2n
    set -f
}

# Namespaces without a name, each by its oldest process.
unnamed() {
    seen=" $1 "
    processes | while read -r inode number; do
        case $seen in *" $inode "*) continue ;; esac
        seen="$seen$inode "
        nsenter -t "$number" -n true 2>/dev/null || continue
        place=pid:$number
        enter=
        { cat "/proc/$number/comm" "/proc/$number/cgroup"; } 2>/dev/null | emit process
        enter="nsenter -t $number -n"
        one_place
    done
}

main() {
    echo '%csumlab-host 1'
    uname -srmn | emit uname
    either os-release 'cat /etc/os-release'
    either modules 'cat /proc/modules'
    one_place
    guests
    [ "$*" != - ] || { echo '%end'; return 0; }
    own=$(inode_of /proc/self/ns/net)
    known=$own
    names=$*
    [ -n "$names" ] || names=$(ip netns list 2>/dev/null | sed 's/ .*//')
    for name in $names; do [ "$(inode_of "/var/run/netns/$name")" = "$own" ] && echo "$name"; done | emit own-names
    for name in $names; do
        inode=$(inode_of "/var/run/netns/$name")
        [ -n "$inode" ] || { note "there is no network namespace $name"; continue; }
        [ "$inode" != "$own" ] || continue
        known="$known $inode"
        named "$name"
    done
    if [ $# -eq 0 ] && have nsenter; then unnamed "$known"; fi
    echo '%end'
}

# The script may come by standard input: nothing that it runs may read that.
main "$@" </dev/null
"""
