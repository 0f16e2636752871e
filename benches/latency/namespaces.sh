#!/bin/sh
# Network namespaces of this machine as hosts with a slow network between them.
#
#   namespaces.sh up HOSTS DELAY_US FOLDER     hosts hcg1, hcg2, ... at 10.87.0.1, ...; needs root and /dev/net/tun
#   namespaces.sh run RANKS FOLDER [mpirun's options] PROGRAM...   one rank per host, TCP only (Open MPI)
#   namespaces.sh down FOLDER                  removes all of it
#   namespaces.sh shell HOST COMMAND...        what mpirun uses instead of ssh
#
# Frames go through hub.c, which holds each back for the delay: the queueing discipline made for that (netem) is missing
# from many kernels. Hosts know each other's hardware addresses, so nothing waits for ARP.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hosts() { ip netns list | sed -n 's/^\(hcg[0-9]*\).*/\1/p'; }
down() {
    if [ -f "$1/hub.pid" ]; then
        kill "$(cat "$1/hub.pid")" 2>/dev/null || true
        rm -f "$1/hub.pid"
    fi
    for host in $(hosts); do ip netns delete "$host"; done
}

command=$1
shift
case $command in
    up)
        count=$1 delay=$2 folder=$3
        down "$folder"
        cc -O2 -Wall -o "$folder/hub" "$here/hub.c"
        cc -O2 -Wall -o "$folder/slice" "$here/slice.c"
        "$folder/hub" "$count" "$delay" >"$folder/hub.log" 2>&1 </dev/null &
        echo $! >"$folder/hub.pid"
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            grep -q ready "$folder/hub.log" && break
            sleep 0.2
        done
        grep -q ready "$folder/hub.log" || { cat "$folder/hub.log" >&2; exit 1; }
        : >"$folder/hostfile"
        for i in $(seq "$count"); do
            ip netns add "hcg$i"
            ip link set "hcgtap$i" netns "hcg$i"
            echo "10.87.0.$i slots=1" >>"$folder/hostfile"
        done
        for i in $(seq "$count"); do
            in_host="ip -n hcg$i"
            $in_host link set lo up
            $in_host link set "hcgtap$i" address "$(printf '02:00:00:00:00:%02x' "$i")"
            $in_host address add "10.87.0.$i/24" dev "hcgtap$i"
            $in_host link set "hcgtap$i" up
            for j in $(seq "$count"); do
                [ "$j" = "$i" ] || $in_host neighbour replace "10.87.0.$j" \
                    lladdr "$(printf '02:00:00:00:00:%02x' "$j")" dev "hcgtap$i" nud permanent
            done
        done ;;
    shell)
        # ssh's options come first.
        while :; do
            case $1 in
                -*) shift ;;
                *) break ;;
            esac
        done
        host=hcg${1##*.}
        shift
        # A host name of its own: without it, daemons of one machine take each other for themselves.
        exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*" ;;
    run)
        ranks=$1 folder=$2
        shift 2
        printf '#!/bin/sh\nexec sh %s/namespaces.sh shell "$@"\n' "$here" >"$folder/shell"
        chmod +x "$folder/shell"
        words=
        for word in "$@"; do words="$words '$word'"; done
        exec sh "$here/namespaces.sh" shell 10.87.0.1 \
            "exec $folder/slice 100 mpirun.openmpi --allow-run-as-root -n $ranks --hostfile $folder/hostfile --map-by node --bind-to none \
            --mca plm_rsh_agent $folder/shell --mca plm_rsh_no_tree_spawn 1 --mca oob_tcp_if_include 10.87.0.0/24 \
            --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include 10.87.0.0/24 --mca mpi_yield_when_idle 1 $words" ;;
    down) down "$1" ;;
    *) sed -n 2,9p "$0"; exit 2 ;;
esac
