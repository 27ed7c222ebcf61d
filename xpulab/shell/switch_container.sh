# Puts a container's staged files in force and starts it with them. Unless it gets healthy, the last good ones come back.
: "${name:?}" "${unit:?}" "${files:?}" "${image:?}" "${reference:?}" "${configuration:?}" "${patience:?}"
staged=${state:?}/staged good=$state/good
began=$(date +%s)

put_in_force() {
    for file in $files; do
        mkdir -p "${file%/*}"
        cp -p "$1$file" "$file.dpkg-tmp"
        mv -f "$file.dpkg-tmp" "$file"
    done
    systemctl daemon-reload
}

health() {
    docker container inspect --format '{{with .State.Health}}{{.Status}}{{end}}' "$name" 2>/dev/null || :
}

gets_healthy() {
    limit=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$limit" ]; do
        [ "$(health)" != healthy ] || return 0
        case $(systemctl is-active "$unit") in inactive | failed) return 1 ;; esac
        [ "$(systemctl show --property NRestarts --value "$unit")" -lt 2 ] || return 1
        sleep 1
    done
    return 1
}

starts() {
    systemctl reset-failed "$unit" 2>/dev/null || :
    systemctl stop "$unit"
    docker rm --force "$name" >/dev/null 2>&1 || : # one that the unit has lost sight of
    systemctl start "$unit" && gets_healthy
}

runs_as_staged() {
    said='{{.Config.Image}} {{index .Config.Labels "org.xpulab.configuration"}}'
    [ "$(docker container inspect --format "$said" "$name" 2>/dev/null)" = "$image $configuration" ] || return 1
    case $(health) in healthy | starting) ;; *) return 1 ;; esac
    for file in $files; do cmp -s "$staged$file" "$file" || return 1; done
}

last_words() {
    journalctl --identifier="$name" --since="@$began" --output=cat --no-pager --lines=20 | grep . | tail -n 1
}

# Those that it was started from, or tried with; one that anything else uses stays.
forget_other_images() {
    grep -vxF -e "$reference" -e "$image" "$state/images" | while read -r each; do
        docker image rm "$each" >/dev/null 2>&1 || :
    done
    printf '%s\n' "$reference" "$image" >"$state/images"
}

is_as_good() {
    for file in $files; do cmp -s "$staged$file" "$good$file" || return 1; done
}

printf '%s\n' "$reference" "$image" >>"$state/images"
systemctl daemon-reload
if runs_as_staged && systemctl enable --quiet "$unit" && gets_healthy; then
    :
else
    put_in_force "$staged"
    systemctl enable --quiet "$unit"
    if ! starts; then
        words=$(last_words)
        why="it did not get healthy in $(($(date +%s) - began)) s: ${words:-it said nothing; see journalctl -u $unit}"
        if [ ! -d "$good" ]; then
            systemctl disable --now --quiet "$unit"
            echo "$why (stopped: there is none before it to go back to)" >&2
        elif is_as_good; then
            echo "$why" >&2
        elif put_in_force "$good" && starts; then
            echo "$why (the one before it runs again)" >&2
        else
            echo "$why (and the one before it does not get healthy either: see journalctl -u $unit)" >&2
        fi
        exit 1
    fi
fi
forget_other_images
rm -rf "$good"
mv "$staged" "$good"
