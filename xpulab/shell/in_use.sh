# Fails, and says who would suffer, where containers of others run or processes use an accelerator. Needs $uses, of which of both it
# is asked, $addresses of the accelerators, and $daemons, processes by name that hold the device for everybody.
suffering=
case " ${uses:?} " in *' containers '*)
    if command -v docker >/dev/null; then
        suffering=$(docker ps --format '{{.Names}} {{.Label "org.xpulab.configuration"}}' 2>/dev/null |
            awk 'NF == 1 { print "container " $1 " runs" }' | head -n 5)
    fi
    for name in $(grep -lsE '^(containerd-shim|conmon)' /proc/[0-9]*/comm | head -n 50); do
        process=${name#/proc/} process=${process%/comm}
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline") in
            *' -namespace moby '* | '') ;; # Docker's own: it told of them
            *)
                suffering="$suffering
a container of another engine runs (process $process)"
                break
                ;;
        esac
    done
    ;;
esac
case " $uses " in *' accelerators '*)
    set -- -lname '/dev/nvidia[0-9]*'
    for address in ${addresses-}; do
        for node in "/sys/bus/pci/devices/$address"/drm/renderD*; do
            if [ -e "$node" ]; then set -- "$@" -o -lname "/dev/dri/${node##*/}"; fi
        done
    done
    suffering="$suffering
$(find /proc/[0-9]*/fd "$@" 2>/dev/null | cut -d / -f 3 | sort -u |
        while read -r process; do
            read -r name <"/proc/$process/comm" 2>/dev/null || continue
            case " ${daemons-} " in *" $name "*) ;; *) echo "$name (process $process) uses the accelerator" ;; esac
        done | head -n 5)"
    ;;
esac
suffering=$(printf '%s\n' "$suffering" | sed '/^$/d')
if [ -n "$suffering" ]; then
    echo "in use: $(printf '%s\n' "$suffering" | sed '$!s/$/,/' | tr '\n' ' ' | sed 's/ $//')" >&2
    exit 76
fi
