# Reads apt's package lists anew. Where a keyring of xpulab's does not fit what a repository is signed with any more, it goes, and the
# next look has it fetched anew, still by its pinned fingerprint; one that was fetched just now stays, and apt's words say why.
answer=$(apt-get -q update 2>&1) || status=$?
printf '%s\n' "$answer"
stale=$(printf '%s\n' "$answer" |
    sed -n 's/^[EW]: .*\(https\{0,1\}:[^ ]*\).*\(EXPKEYSIG\|KEYEXPIRED\|NO_PUBKEY\).*/\1/p' | sort -u)
removed=
for uri in $stale; do
    for source in /etc/apt/sources.list.d/xpulab-*.sources; do
        [ -f "$source" ] || continue
        here=$(sed -n "s/\$(ARCH)/$(dpkg --print-architecture)/; s/^URIs: //p" "$source")
        [ "${here%/}" = "${uri%/}" ] || continue
        keyring=$(sed -n 's/^Signed-By: //p' "$source")
        if [ -n "$(find "$keyring" -mmin +2 2>/dev/null)" ]; then
            rm -f "$keyring"
            removed="$removed $uri"
        fi
    done
done
if [ -n "$removed" ]; then
    echo "the keys of$removed are out of date, and fetched anew"
    echo 'xpulab: look again'
    exit 0
fi
if [ -n "${status-}" ]; then
    printf '%s\n' "$answer" | grep '^[EW]: ' >&2 || :
    exit "$status"
fi
printf '%s\n' "$answer" | grep '^W: .*Failed to fetch' >&2 || :
