#!/bin/sh
# The floor: one ssh per host, all started at once, each running the same command.
#   openssh.sh KNOWN_HOSTS KEY USER FILE_WITH_COMMAND ADDRESS ...
set -eu

known_hosts=$1
key=$2
user=$3
command=$(cat "$4")
shift 4
sessions=
for address; do
    ssh -F /dev/null -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
        -o UserKnownHostsFile="\"$known_hosts\"" "$user@$address" "$command" >/dev/null </dev/null &
    sessions="$sessions $!"
done
failed=0
for session in $sessions; do
    wait "$session" || failed=$((failed + 1))
done
if [ "$failed" -gt 0 ]; then
    echo "$failed hosts did not answer" >&2
    exit 1
fi
