# Fails, and says who would suffer, where containers of others run or processes use an accelerator. Needs $uses, of both of which it
# is told, and $daemons, processes by name that hold the device for everybody.
suffering=
case " ${uses:?} " in *' containers '*)
    if command -v docker >/dev/null; then
        suffering=$(docker ps --format '{{.Names}} {{.Label "org.xpulab.configuration"}}' 2>/dev/null |
            awk 'NF == 1 { print "container " $1 " runs" }' | head -n 5)
    fi
    ;;
esac
case " $uses " in *' accelerators '*)
    suffering="$suffering
$(find /proc/[0-9]*/fd -lname '/dev/nvidia[0-9]*' -o -lname '/dev/dri/renderD*' 2>/dev/null | cut -d / -f 3 | sort -u |
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
