# Reads the state of one host and prints it as tab-separated records; what runs it prints `end` last.
# POSIX sh, run as root, changes nothing. Every tool may be missing: its records are then missing too.
# What to look at stands in $files and its like: names and patterns without blanks, which probing/watched.py lets through.
# shellcheck disable=SC2086 # lists of names are to be split, and patterns to be expanded
set -u
LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export LC_ALL PATH

say() {
    first=$1
    shift
    printf '%s' "$first"
    for value in "$@"; do
        printf '\t%s' "$value"
    done
    printf '\n'
}

# Reads the first line of a file, nothing where there is none. A `cat` would be a process for each of hundreds of files.
first_line() {
    line=
    if [ -r "$1" ]; then read -r line <"$1" 2>/dev/null || :; fi
}

id_of_os() {
    ID='' VERSION_ID=''
    . /etc/os-release
    say os "$ID" "$VERSION_ID"
}

pci_functions() {
    vendors=' any'
    for function in /sys/bus/pci/devices/*; do
        [ -r "$function/class" ] || continue
        first_line "$function/vendor" && vendor=$line
        first_line "$function/device" && device=$line
        first_line "$function/class"
        say pci "${function##*/}" "$vendor" "$device" "$line"
        vendors="$vendors $vendor"
        case "$line ${modules-}" in 0x03*"$vendor:"* | 0x12*"$vendor:"*) display ;; esac
    done
}

# What the kernel makes of a display or processing function whose driver is looked at: whose board it is, its driver and render node, whether it answers
# (sysfs goes on to name one that has fallen off the bus), and where its first six regions lie.
display() {
    first_line "$function/subsystem_vendor" && maker=$line
    first_line "$function/subsystem_device" && board=$line
    first_line "$function/revision" && revision=$line
    driver='' node=no answers=yes regions='' count=0 virtual=no
    while read -r line; do
        case $line in DRIVER=*) driver=${line#*=} ;; esac
    done 2>/dev/null <"$function/uevent"
    for each in "$function"/drm/renderD*; do
        if [ -e "$each" ]; then node=yes; fi
    done
    if [ -L "$function/physfn" ]; then virtual=yes; fi
    case "$revision $(od -An -t x1 -N 4 "$function/config" 2>/dev/null)" in *0xff* | *'ff ff ff ff'*) answers=no ;; esac
    while [ $count -lt 6 ] && read -r start end line; do
        regions="$regions $start-$end-$line" count=$((count + 1))
    done 2>/dev/null <"$function/resource"
    say display "${function##*/}" "$maker" "$board" "$driver" "$node" "$answers" "$virtual" "${regions# }"
}

# Of the vendors whose hardware is there.
kernel_modules() {
    for module in ${modules-}; do
        case "$vendors " in
            *" ${module%%:*} "*) module=${module#*:} ;;
            *) continue ;;
        esac
        running=/sys/module/$module
        loaded=no
        if [ -d "$running" ]; then loaded=yes; fi
        first_line "$running/version" && version=$line
        first_line "$running/srcversion" && srcversion=$line
        say module "$module" "$loaded" "$version" "$srcversion" "$(modinfo "$module" 2>/dev/null | awk '
            { key = $1; sub(/^[^:]*:[[:space:]]*/, "") }
            !(key in value) { value[key] = $0 }
            END { printf "%s\t%s\t%s", value["version:"], value["srcversion:"], value["license:"] }')"
    done
}

secure_boot() {
    for variable in /sys/firmware/efi/efivars/SecureBoot-*; do
        [ -r "$variable" ] || continue
        say secure-boot "$(od -An -t u1 -j 4 -N 1 "$variable" | tr -d ' ')"
    done
}

watched_files() {
    set --
    for file in ${files-}; do
        if [ -f "$file" ]; then set -- "$@" "$file"; fi
    done
    [ $# -gt 0 ] || return 0
    {
        sha256sum "$@"
        stat -L --printf='=%n\t%a\t%U:%G\t%.6Y\t%s\n' "$@"
    } 2>/dev/null | awk -F"\t" -v OFS="\t" '
        !/^=/ { if (sub(/^\\/, "")) gsub(/\\\\/, "\\"); digest[substr($0, 67)] = substr($0, 1, 64); next }
        { sub(/^=/, ""); if ($1 in digest) print "file", $1, digest[$1], $2, $3, $4, $5 }'
}

apt_sources() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        sed -n 's/^[[:space:]]*deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]\{1,\}\)[[:space:]]\{1,\}\([^[:space:]]\{1,\}\).*/\2 \3/p' "$file" |
            while read -r uri suite; do say apt-source "$file" "$uri" "$suite"; done
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v file="$file" '
            function flush() {
                for (i = 1; i <= n; i++) for (j = 1; j <= m; j++) if (on) printf "apt-source\t%s\t%s\t%s\n", file, uri[i], suite[j]
                n = m = 0; on = 1; key = ""
            }
            BEGIN { on = 1 }
            /^[[:space:]]*$/ { flush() }
            /^#/ { next }
            /^[^[:space:]]/ { key = tolower($1); $1 = "" }
            {
                for (f = 1; f <= NF; f++) {
                    if ($f == "") continue
                    if (key == "enabled:" && tolower($f) == "no") on = 0
                    if (key == "uris:") uri[++n] = $f
                    if (key == "suites:") suite[++m] = $f
                }
            }
            END { flush() }' "$file"
    done
}

# The sources that have the very version that is installed: apt marks it with asterisks, and names them below it.
package_origins() {
    set --
    for each in ${origins-}; do
        case ";$packages" in *";$each="*) set -- "$@" "$each" ;; esac
    done
    [ $# -gt 0 ] || return 0
    apt-cache policy "$@" 2>/dev/null | awk '
        /^[^ ]/ { name = $1; sub(/:$/, "", name); there = 0; next }
        /^ \*\*\* / { there = 1; next }
        /^     [^ ]/ { there = 0; next }
        there && $2 ~ /:\/\// { printf "origin\t%s\t%s\t%s\n", name, $2, $3 }'
}

apt_lock() {
    locks=$(stat -c '%i %n' /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock 2>/dev/null)
    awk -v locks="$locks" '
        BEGIN { count = split(locks, words); for (i = 1; i < count; i += 2) path[words[i]] = words[i + 1] }
        $2 == "POSIX" { inode = $6; sub(/.*:/, "", inode); if (inode in path) print path[inode], $5 }' /proc/locks 2>/dev/null |
        while read -r lock holder; do
            first_line "/proc/$holder/comm"
            say apt-lock "$lock" "$holder" "$line"
        done
}

# Not when a unit became active: one that could not be stopped became so again, on what it had read before.
units() {
    [ -n "${units-}" ] || return 0
    systemctl show --timestamp=us+utc --property=Id,LoadState,ActiveState,UnitFileState,InactiveExitTimestamp \
        $units 2>/dev/null |
        awk -F= '
            function flush() { if (id != "") printf "unit\t%s\t%s\t%s\t%s\t%s\n", id, load, active, enabled, since; id = load = active = enabled = since = "" }
            /^$/ { flush() }
            { value = substr($0, index($0, "=") + 1) }
            $1 == "Id" { id = value }
            $1 == "LoadState" { load = value }
            $1 == "ActiveState" { active = value }
            $1 == "UnitFileState" { enabled = value }
            $1 == "InactiveExitTimestamp" { since = value }
            END { flush() }'
}

engine() {
    if [ -e /snap/bin/docker ]; then say snap-docker yes; fi
    command -v docker >/dev/null 2>&1 || return 0
    docker image ls --no-trunc --digests --format '{{.Repository}}{{"\t"}}{{.Tag}}{{"\t"}}{{.Digest}}' 2>/dev/null |
        while read -r repository tag digest; do say image "$repository" "$tag" "$digest"; done
}

containers() {
    for each in ${containers-}; do
        [ -e "/etc/systemd/system/${each#*:}" ] || continue
        docker container inspect --format "container{{\"\t\"}}${each%%:*}{{\"\t\"}}"'{{.State.Status}}{{"\t"}}{{with .State.Health}}{{.Status}}{{end}}{{"\t"}}{{.Config.Image}}{{"\t"}}{{index .Config.Labels "org.xpulab.configuration"}}' \
            "${each%%:*}" 2>/dev/null
    done
}

contents() {
    for file in ${contents-}; do
        if [ -s "$file" ]; then say content "$file" "$(base64 -w 0 "$file")"; fi
    done
}

accounts() {
    if [ -n "${groups-}" ]; then
        getent group $groups | while IFS=: read -r name _ gid members; do say group "$name" "$gid" "$members"; done
    fi
    if [ -n "${users-}" ]; then
        found=$(getent passwd $users)
        for user in $users; do
            # A directory may answer with another spelling of the name, which is the one that groups go by.
            case "
$found" in
                *"
$user:"*) name=$user ;;
                *) name=$(getent passwd "$user") && name=${name%%:*} ;;
            esac
            if [ -n "$name" ]; then say user "$user" "$name"; fi
        done
    fi
}

# Where the engine keeps images: its data-root, or containerd's store, which new engines take unless they already have the old one.
engine_space() {
    place=/var/lib/docker
    while read -r line || [ -n "$line" ]; do
        case $line in *'"data-root"'*'"/'*)
            root=${line#*\"data-root\"*\"}
            place=${root%%\"*}
            ;;
        esac
    done 2>/dev/null </etc/docker/daemon.json
    if [ -d /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs ] && [ -d "$place" ] && [ ! -d "$place/image" ]; then
        place=/var/lib/containerd
    fi
    there=$place
    while [ -n "$there" ] && [ ! -d "$there" ]; do there=${there%/*}; done
    # shellcheck disable=SC2046
    set -- $(stat -f -c '%a %S' "$there/")
    say engine-free $(($1 * $2 / 1024)) "$place"
}

# What the system runs in, where that is not a machine: a container's manager, or Windows.
container() {
    first_line /run/systemd/container
    if [ -e /dev/dxg ]; then line=wsl; fi
    if [ -n "$line" ]; then say container-of "$line"; fi
}

machine() {
    first_line /proc/sys/kernel/random/boot_id && boot=$line
    first_line /proc/1/stat
    # The start of process 1: field 22, counted after the name, which may hold blanks.
    set -- ${line##*) }
    shift 19
    say machine "$(uname -m)" "$(uname -r)" "$boot-$1"
}

say xpulab-probe 3
id_of_os
machine
container
secure_boot
pci_functions
kernel_modules
# shellcheck disable=SC2016
packages=$(dpkg-query -W -f '${Package}=${Version}=${db:Status-Abbrev};' 2>/dev/null)
say packages "$packages"
package_origins
watched_files
contents
apt_sources
apt_lock
units
accounts
engine
containers
engine_space
