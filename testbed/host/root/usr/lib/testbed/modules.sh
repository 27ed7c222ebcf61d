# shellcheck shell=sh
# Made-up kernel modules. A module on disk is a text file of key=value lines; a loaded one is a folder below /sys/module.
#
#   alias=VENDOR:DEVICE:CLASS   a shell pattern for the PCI functions it drives
#   nodes=drm|display|nvidia    the device nodes that appear with each function it drives
#   needs_device=1              loading fails when there is nothing to drive
#   followed_by=NAME            a module that is loaded after it

PCI=/sys/bus/pci/devices
LOADED=/sys/module
STATE=/run/testbed

kernel_release() {
    cat "$STATE/kernel"
}

secure_boot() {
    od -An -t u1 -j 4 -N 1 /sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null | tr -d ' '
}

canonical() {
    printf '%s\n' "$1" | tr - _
}

# module_file NAME [KERNEL]: where modprobe finds it; what DKMS built wins over what the kernel came with.
module_file() {
    tree=/lib/modules/${2:-$(kernel_release)}
    dashed=$(printf '%s\n' "$1" | tr _ -)
    for folder in "$tree/updates" "$tree/kernel"; do
        [ -d "$folder" ] || continue
        found=$(find "$folder" \( -name "$(canonical "$1").ko" -o -name "$dashed.ko" \) -print | sort | head -n 1)
        [ -n "$found" ] && printf '%s\n' "$found" && return 0
    done
    return 1
}

# module_values FILE KEY
module_values() {
    sed -n "s/^$2=//p" "$1"
}

function_id() {
    vendor=$(cat "$1/vendor") device=$(cat "$1/device") class=$(cat "$1/class")
    printf '%s:%s:%s\n' "${vendor#0x}" "${device#0x}" "${class#0x}"
}

# claims FILE DEVICE: whether the module's aliases match the function.
claims() {
    id=$(function_id "$2")
    for pattern in $(module_values "$1" alias); do
        # shellcheck disable=SC2254 # the alias is a pattern
        case $id in $pattern) return 0 ;; esac
    done
    return 1
}

# alive DEVICE: whether a driver that tries it comes to drive it: it answers, and it has a place in memory.
alive() {
    [ "$(cat "$1/revision")" != 0xff ] && head -n 6 "$1/resource" | grep -qv '^0x0\{16\} '
}

blacklisted() {
    cat /etc/modprobe.d/*.conf /lib/modprobe.d/*.conf 2>/dev/null |
        grep -Eq "^[[:space:]]*blacklist[[:space:]]+$(canonical "$1" | sed 's/_/[-_]/g')[[:space:]]*$"
}

load_module() {
    name=$(canonical "$1")
    [ -d "$LOADED/$name" ] && return 0
    if ! file=$(module_file "$name"); then
        echo "modprobe: FATAL: Module $1 not found in directory /lib/modules/$(kernel_release)" >&2
        return 1
    fi
    # What DKMS built is signed with a key of this host, which its firmware does not know unless somebody enrolled it.
    case $file in
        */updates/*)
            if [ "$(secure_boot)" = 1 ]; then
                echo "modprobe: ERROR: could not insert '$1': Key was rejected by service" >&2
                return 1
            fi
            ;;
    esac
    wanted=
    for device in "$PCI"/*; do
        [ ! -L "$device/driver" ] && claims "$file" "$device" && alive "$device" && wanted="$wanted $device"
    done
    if [ -n "$(module_values "$file" needs_device)" ] && [ -z "$wanted" ]; then
        echo "modprobe: ERROR: could not insert '$1': No such device" >&2
        return 1
    fi
    mkdir "$LOADED/$name"
    echo live >"$LOADED/$name/initstate"
    echo 0 >"$LOADED/$name/refcnt"
    for key in version srcversion; do
        value=$(module_values "$file" "$key")
        [ -z "$value" ] || printf '%s\n' "$value" >"$LOADED/$name/$key"
    done
    for device in $wanted; do
        drive "$name" "$device" "$(module_values "$file" nodes)"
    done
    for follower in $(module_values "$file" followed_by); do
        load_module "$follower"
    done
}

# drive NAME DEVICE NODES
drive() {
    ln -s "../../../../bus/pci/drivers/$1" "$2/driver"
    printf 'DRIVER=%s\nPCI_SLOT_NAME=%s\n' "$1" "$(basename "$2")" >"$2/uevent"
    case $3 in
        drm) drm_nodes "$2" "card render" ;;
        display) drm_nodes "$2" card ;;
        nvidia) nvidia_nodes "$2" ;;
    esac
}

# drm_nodes DEVICE KINDS: a display-only card has no render node.
drm_nodes() {
    mkdir -p /dev/dri/by-path
    slot=$(basename "$1")
    for kind in $2; do
        case $kind in
            card) prefix=card first=0 group=video ;;
            render) prefix=renderD first=128 group=render ;;
        esac
        number=$first
        while [ -e "/dev/dri/$prefix$number" ]; do number=$((number + 1)); done
        make_node "/dev/dri/$prefix$number" 226 "$number" "$group" 660
        mkdir -p "$1/drm/$prefix$number"
        ln -sf "../$prefix$number" "/dev/dri/by-path/pci-$slot-$kind"
    done
}

# nvidia-smi reads the table in $STATE/nvidia: it is all that a container with a GPU is given of these made-up devices.
nvidia_nodes() {
    mkdir -p "$STATE/nvidia"
    case $(cat "$1/class") in
        0x0680*)
            number=$(find /dev -maxdepth 1 -name 'nvidia-nvswitch[0-9]*' | wc -l)
            make_node "/dev/nvidia-nvswitch$number" 508 "$number" root 666
            make_node /dev/nvidia-nvswitchctl 508 255 root 666
            : >"$STATE/nvidia/nvswitch"
            return
            ;;
    esac
    number=$(find /dev -maxdepth 1 -name 'nvidia[0-9]*' | wc -l)
    make_node "/dev/nvidia$number" 195 "$number" root 666
    make_node /dev/nvidiactl 195 255 root 666
    make_node /dev/nvidia-uvm 510 0 root 666
    make_node /dev/nvidia-uvm-tools 510 1 root 666
    cp "$LOADED/nvidia/version" "$STATE/nvidia/version"
    printf '%s|%s\n' "$number" "$(grep "^$(basename "$1")|" /etc/testbed/gpus)" >>"$STATE/nvidia/gpus"
}

make_node() {
    [ -e "$1" ] || mknod -m "$5" "$1" c "$2" "$3"
    chown "root:$4" "$1"
}

unload_module() {
    name=$(canonical "$1")
    [ -d "$LOADED/$name" ] || return 0
    for device in "$PCI"/*; do
        [ "$(basename "$(readlink "$device/driver")")" = "$name" ] || continue
        rm "$device/driver" "$device/uevent"
        for node in "$device"/drm/*; do
            [ -d "$node" ] && rm -f "/dev/dri/$(basename "$node")"
        done
        rm -rf "$device/drm" "/dev/dri/by-path/pci-$(basename "$device")-card" \
            "/dev/dri/by-path/pci-$(basename "$device")-render"
    done
    [ "$name" != nvidia ] || rm -rf /dev/nvidia* "$STATE/nvidia"
    rm -rf "${LOADED:?}/$name"
}

# coldplug: load what is on disk for the devices that are there, as udev does at boot.
coldplug() {
    for name in $(find "/lib/modules/$(kernel_release)" -name '*.ko' -printf '%f\n' | sed 's/\.ko$//' | sort -u); do
        blacklisted "$name" && continue
        file=$(module_file "$name")
        for device in "$PCI"/*; do
            if [ ! -L "$device/driver" ] && claims "$file" "$device" && alive "$device"; then
                load_module "$name" || true
                break
            fi
        done
    done
}
