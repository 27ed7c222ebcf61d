# Waits until no other process holds one of apt's locks; needs $seconds, the longest it waits.
# apt's own DPkg::Lock::Timeout does not cover the lock of its package lists.
holder_of() {
    [ -e "$1" ] || return 0
    awk -v inode=":$(stat -c %i "$1")\$" '$2 == "POSIX" && $6 ~ inode { print $5; exit }' /proc/locks
}
waited=0
while :; do
    holder=
    for lock in /var/lib/apt/lists/lock /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock; do
        if [ -z "$holder" ]; then holder=$(holder_of "$lock"); fi
    done
    [ -n "$holder" ] || break
    if [ "$waited" -ge "${seconds:?}" ]; then
        name=$(cat "/proc/$holder/comm" 2>/dev/null || echo unknown)
        echo "apt is still locked by process $holder ($name) after $seconds seconds:" \
            "let it finish, or stop it, and run again" >&2
        exit 75
    fi
    sleep 1
    waited=$((waited + 1))
done
