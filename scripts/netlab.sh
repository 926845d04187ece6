#!/usr/bin/env bash
# Several hosts on one machine: network namespaces with shaped links, own host names and shared memory.
#
#   netlab.sh up HOSTS RATE [CORE_RATE]   e.g. up 4 1gbit; with CORE_RATE the two halves of the hosts hang on a leaf
#                                         switch each, joined by one link of that rate (oversubscribed)
#   netlab.sh mpirun HOSTS PPN CMD...     CMD with PPN ranks on each of the first HOSTS hosts
#   netlab.sh topology HOSTS RATE [CORE_RATE]   prints the machine's description (TOML) for --topology
#   netlab.sh down
#
# Nothing leaves the namespaces: their addresses exist there alone. Needs root, iproute2, ethtool, a C compiler and
# Open MPI. LAB names them, MPI_ARGUMENTS holds more arguments of mpirun.
set -euo pipefail
LAB=${LAB:-mwlab}
NET=10.78.0
self=$(readlink -f "$0")

# Frames that share a port with other such queues, two at a turn. CLASS: a hexadecimal number.
add_queue() {  # NAMESPACE DEVICE RATE CLASS
    tc -n "$1" class add dev "$2" parent 1:1 classid "1:$4" htb rate 1mbit ceil "$3" prio 1 burst 3kb cburst 3kb quantum 3000
    tc -n "$1" qdisc add dev "$2" parent "1:$4" handle "$4:" pfifo limit 1000
}

# Short frames have a queue of their own, as on cards with several: behind the data of the other direction,
# acknowledgements would make every link half as fast when it carries both ways. Bursts are two frames: with more, what
# a link takes at once depends on how long it rested.
shape() {  # NAMESPACE DEVICE RATE
    local class="tc -n $1 class add dev $2 parent"
    tc -n "$1" qdisc add dev "$2" root handle 1: htb default 20
    $class 1: classid 1:1 htb rate "$3" ceil "$3" burst 3kb cburst 3kb quantum 3000
    $class 1:1 classid 1:10 htb rate "$3" ceil "$3" prio 0 burst 3kb cburst 3kb quantum 3000
    tc -n "$1" qdisc add dev "$2" parent 1:10 handle 10: pfifo limit 1000
    add_queue "$1" "$2" "$3" 20
    # Bytes 2 and 3 of the IP header: its total length, here below 128.
    tc -n "$1" filter add dev "$2" parent 1: protocol ip prio 1 u32 match u16 0 0xff80 at 2 flowid 1:10
}

# A host's port takes turns among the others that it sends to, as Linux' own queues do (fq_codel, which not every kernel
# has): first come, first served, one whole message would go after another, and even exchanges wait for each other.
take_turns() {  # NAMESPACE DEVICE RATE HOSTS
    local j class
    for ((j = 0; j < $4; j++)); do
        class=$(printf '%x' $((256 + j)))
        add_queue "$1" "$2" "$3" "$class"
        tc -n "$1" filter add dev "$2" parent 1: protocol ip prio 2 u32 match ip dst "$NET.$((10 + j))/32" flowid "1:$class"
    done
}

# Otherwise it would be found out host by host.
need_tools() {
    local tool missing=""
    for tool in ip tc ethtool cc mpirun; do command -v "$tool" >/dev/null || missing+=" $tool"; done
    [ -z "$missing" ] && return
    echo "netlab.sh: no hosts are made (missing:$missing); apt-get install iproute2 ethtool gcc openmpi-bin" >&2
    exit 3
}

up() {  # HOSTS RATE [CORE_RATE]
    need_tools
    local hosts=$1 rate=$2 core=${3:-} i j host leaf
    ip netns add "${LAB}sw"
    for leaf in 0 1; do
        ip -n "${LAB}sw" link add "leaf$leaf" type bridge
        ip -n "${LAB}sw" link set "leaf$leaf" up
    done
    if [ -n "$core" ]; then
        ip -n "${LAB}sw" link add up0 type veth peer name up1
        for leaf in 0 1; do
            ip -n "${LAB}sw" link set "up$leaf" master "leaf$leaf"
            ip -n "${LAB}sw" link set "up$leaf" up
            shape "${LAB}sw" "up$leaf" "$core"
        done
    fi
    for ((i = 0; i < hosts; i++)); do
        host=$LAB$i
        leaf=0
        if [ -n "$core" ] && ((2 * i >= hosts)); then leaf=1; fi
        ip netns add "$host"
        mkdir -p "/etc/netns/$host"
        { echo "127.0.0.1 localhost"; for ((j = 0; j < hosts; j++)); do echo "$NET.$((10 + j)) $LAB$j"; done; } \
            >"/etc/netns/$host/hosts"
        ip -n "$host" link add eth0 type veth peer name "p$i" netns "${LAB}sw"
        ip -n "$host" addr add "$NET.$((10 + i))/24" dev eth0
        ip -n "$host" link set lo up
        ip -n "$host" link set eth0 up
        ip -n "${LAB}sw" link set "p$i" master "leaf$leaf"
        ip -n "${LAB}sw" link set "p$i" up
        ip netns exec "$host" sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_no_metrics_save=1
        # Linux cuts super-frames (64 KB) only behind a port's queue, which they would pass at once: four frames at most.
        ip -n "$host" link set eth0 gso_max_segs 4
        ip netns exec "$host" ethtool -K eth0 tso off gso off gro off >/dev/null
        ip netns exec "${LAB}sw" ethtool -K "p$i" tso off gso off gro off >/dev/null
        shape "$host" eth0 "$rate"
        take_turns "$host" eth0 "$rate" "$hosts"
        shape "${LAB}sw" "p$i" "$rate"
    done
}

down() {
    local host
    for host in $(ip netns list | awk '{print $1}' | grep -E "^${LAB}([0-9]+|sw)$" || true); do
        ip netns del "$host"
        rm -rf "/etc/netns/$host"
    done
    rmdir /etc/netns 2>/dev/null || true
    rm -f "/run/$LAB-yield.so"
}

in_host() {  # HOST CMD...
    local host=$1
    shift
    # shellcheck disable=SC2016  # the inner shell expands
    exec ip netns exec "$host" unshare --uts --mount --propagation slave -- \
        sh -c '
            hostname "$0"; mount -t tmpfs -o size=1g tmpfs /dev/shm; exec "$@"' "$host" "$@"
}

run_mpi() {  # HOSTS PPN CMD...
    local hosts=$1 ppn=$2 list="" i
    shift 2
    for ((i = 0; i < hosts; i++)); do list+=${list:+,}$LAB$i:$ppn; done
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    local yield="/run/$LAB-yield.so"
    cc -O2 -shared -fPIC -o "$yield" "$(dirname "$self")/netlab_yield.c"
    # shellcheck disable=SC2086  # MPI_ARGUMENTS holds several words
    in_host "${LAB}0" mpirun --host "$list" -n $((hosts * ppn)) --bind-to none --mca plm rsh \
        --mca plm_rsh_agent "$self remote" --mca plm_rsh_no_tree_spawn 1 --mca oob_tcp_if_include eth0 \
        --mca btl self,vader,tcp --mca btl_tcp_if_include eth0 --mca mpi_yield_when_idle 1 -x LD_PRELOAD="$yield" ${MPI_ARGUMENTS:-} "$@"
}

bytes_per_s() {  # 1gbit -> 125000000
    case $1 in
        *gbit) echo "${1%gbit}000000000" ;;
        *mbit) echo "${1%mbit}000000" ;;
        *) echo "netlab.sh: rate $1 is neither Ngbit nor Nmbit" >&2; exit 2 ;;
    esac | awk '{printf "%.1f", $1 / 8}'
}

topology() {  # HOSTS RATE [CORE_RATE]
    printf 'name = "netlab"\ndescription = "%s emulated hosts, %s%s"\n\n[node]\n' "$1" "$2" "${3:+, core $3}"
    printf 'nic_out_bytes_per_s = %s\nnic_in_bytes_per_s = %s\n' "$(bytes_per_s "$2")" "$(bytes_per_s "$2")"
    if [ -n "${3:-}" ]; then
        printf '\n[leaf]\nnodes = %s\nup_bytes_per_s = %s\ndown_bytes_per_s = %s\n' $((($1 + 1) / 2)) \
            "$(bytes_per_s "$3")" "$(bytes_per_s "$3")"
    fi
}

case ${1:-} in
    up | down | topology) "$@" ;;
    mpirun) shift; run_mpi "$@" ;;
    remote) host=$2; shift 2; in_host "$host" sh -c "$*" ;;  # what mpirun calls instead of ssh
    *) sed -n '2,11p' "$0" >&2; exit 2 ;;
esac
