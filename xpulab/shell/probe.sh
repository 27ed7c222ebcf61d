# Reads the state of one host and prints it as tab-separated records, `end` last.
# POSIX sh, run as root, changes nothing. Every tool may be missing: its records are then missing too.
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

content() {
    if [ -r "$1" ]; then cat "$1" 2>/dev/null; fi
}

id_of_os() {
    ID='' VERSION_ID=''
    . /etc/os-release
    say os "$ID" "$VERSION_ID"
}

pci_functions() {
    for function in /sys/bus/pci/devices/*; do
        [ -r "$function/class" ] || continue
        driver=$(readlink "$function/driver" 2>/dev/null) || driver=
        say pci "${function##*/}" "$(content "$function/vendor")" "$(content "$function/device")" \
            "$(content "$function/class")" "${driver##*/}"
    done
}

kernel_modules() {
    for module in nvidia nouveau i915 xe; do
        running=/sys/module/$module
        loaded=no
        if [ -d "$running" ]; then loaded=yes; fi
        say module "$module" "$loaded" "$(content "$running/version")" "$(content "$running/srcversion")" \
            "$(modinfo -F version "$module" 2>/dev/null | head -n 1)" \
            "$(modinfo -F srcversion "$module" 2>/dev/null | head -n 1)" \
            "$(modinfo -F license "$module" 2>/dev/null | head -n 1)"
    done
}

secure_boot() {
    for variable in /sys/firmware/efi/efivars/SecureBoot-*; do
        [ -r "$variable" ] || continue
        say secure-boot "$(od -An -t u1 -j 4 -N 1 "$variable" | tr -d ' ')"
    done
}

managed_files() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/preferences.d/* \
        /etc/apt/apt.conf.d/*xpulab* /etc/apt/keyrings/xpulab-* /etc/modprobe.d/* \
        /etc/modules-load.d/xpulab* /etc/systemd/system/*.d/xpulab*.conf /etc/docker/daemon.json \
        /etc/xpulab/* /etc/xpulab/workbench/* /usr/local/lib/xpulab/* /etc/systemd/system/xpulab-* \
        /etc/cdi/* /var/run/cdi/*; do
        [ -f "$file" ] || continue
        digest=$(sha256sum <"$file")
        # shellcheck disable=SC2046
        say file "$file" "${digest%% *}" $(stat -L -c '%a %U:%G %.6Y %s' "$file")
    done
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
            function flush() { for (i = 1; i <= n; i++) if (on) printf "apt-source\t%s\t%s\t%s\n", file, uri[i], suite; n = 0; on = 1 }
            BEGIN { on = 1 }
            /^[[:space:]]*$/ { flush() }
            tolower($1) == "enabled:" && tolower($2) == "no" { on = 0 }
            tolower($1) == "uris:" { for (n = 0; n < NF - 1; n++) uri[n + 1] = $(n + 2) }
            tolower($1) == "suites:" { suite = $2 }
            END { flush() }' "$file"
    done
}

apt_lock() {
    for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
        [ -e "$lock" ] || continue
        inode=$(stat -c %i "$lock")
        holder=$(awk -v inode=":$inode\$" '$2 == "POSIX" && $6 ~ inode { print $5; exit }' /proc/locks 2>/dev/null)
        if [ -n "$holder" ]; then
            say apt-lock "$lock" "$holder" "$(content "/proc/$holder/comm")"
        fi
    done
}

units() {
    systemctl show --timestamp=us+utc --property=Id,LoadState,ActiveState,UnitFileState,ActiveEnterTimestamp \
        docker.service nvidia-persistenced.service nvidia-cdi-refresh.path nvidia-cdi-refresh.service \
        nvidia-fabricmanager.service xpulab-workbench.service 2>/dev/null |
        awk -F= '
            function flush() { if (id != "") printf "unit\t%s\t%s\t%s\t%s\t%s\n", id, load, active, enabled, since; id = load = active = enabled = since = "" }
            /^$/ { flush() }
            { value = substr($0, index($0, "=") + 1) }
            $1 == "Id" { id = value }
            $1 == "LoadState" { load = value }
            $1 == "ActiveState" { active = value }
            $1 == "UnitFileState" { enabled = value }
            $1 == "ActiveEnterTimestamp" { since = value }
            END { flush() }'
}

engine() {
    if [ -e /snap/bin/docker ]; then say snap-docker yes; fi
    command -v docker >/dev/null 2>&1 || return 0
    docker image ls --no-trunc --digests --format '{{.Repository}}{{"\t"}}{{.Tag}}{{"\t"}}{{.Digest}}' 2>/dev/null |
        while read -r repository tag digest; do say image "$repository" "$tag" "$digest"; done
}

workbench() {
    if [ -e /etc/systemd/system/xpulab-workbench.service ]; then
        docker container inspect --format 'container{{"\t"}}xpulab-workbench{{"\t"}}{{.State.Status}}{{"\t"}}{{with .State.Health}}{{.Status}}{{end}}{{"\t"}}{{.Config.Image}}{{"\t"}}{{index .Config.Labels "org.xpulab.configuration"}}' \
            xpulab-workbench 2>/dev/null
    fi
}

engine_space() {
    place=/var/lib/docker
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    say engine-free "$(df -Pk "$place" | awk 'NR == 2 { print $4 }')"
}

say xpulab-probe 1
id_of_os
say machine "$(uname -m)" "$(uname -r)" \
    "$(content /proc/sys/kernel/random/boot_id)-$(cut -d " " -f 22 /proc/1/stat)"
secure_boot
pci_functions
kernel_modules
# shellcheck disable=SC2016
say packages "$(dpkg-query -W -f '${Package}=${Version}=${db:Status-Abbrev};' 2>/dev/null)"
managed_files
if [ -s /etc/docker/daemon.json ]; then say daemon-json "$(base64 /etc/docker/daemon.json | tr -d '\n')"; fi
if [ -s /etc/xpulab/host.json ]; then say record "$(base64 /etc/xpulab/host.json | tr -d '\n')"; fi
apt_sources
apt_lock
units
getent group video render docker | while IFS=: read -r name _ gid members; do say group "$name" "$gid" "$members"; done
say users "$(getent passwd | cut -d : -f 1 | tr '\n' ',')"
engine
workbench
engine_space
say end
