# Takes the lock that lets one run at a time change this host; needs $seconds, the longest it waits. The lock is the kernel's,
# on descriptor 9, and ends with the shell. Its file says who holds it, and `push` when a run from outside last changed something.
mkdir -m 0700 /run/xpulab 2>/dev/null || [ -d /run/xpulab ]
exec 9>>/run/xpulab/lock
if ! flock -w "${seconds:?}" 9; then
    echo "${held:?} ($(cat /run/xpulab/lock)): let it finish, then run again" >&2
    exit 75
fi
echo "a push run" >/run/xpulab/lock
: >/run/xpulab/push
trap ': >/run/xpulab/push' EXIT
