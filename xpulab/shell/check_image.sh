# Asks a registry for an image, before anything is changed; needs $url and $repository.
# Only a clear "no such image" fails: everything else, a missing curl too, is left to the pull.
command -v curl >/dev/null || exit 0
index='application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json'
single='application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
ask() {
    curl -sS -o /dev/null -D - --head --location --max-time 30 -H "Accept: $index, $single" "$@" "${url:?}" |
        tr -d '\r'
}
answer=$(ask) || exit 0
challenge=$(printf '%s\n' "$answer" | sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: Bearer //p')
if [ -n "$challenge" ]; then
    realm=$(printf '%s\n' "$challenge" | sed -n 's/.*realm="\([^"]*\)".*/\1/p')
    service=$(printf '%s\n' "$challenge" | sed -n 's/.*service="\([^"]*\)".*/\1/p')
    token=$(curl -sS --max-time 30 "$realm?service=$service&scope=repository:${repository:?}:pull" |
        sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
    answer=$(ask -H "Authorization: Bearer $token") || exit 0
fi
case $(printf '%s\n' "$answer" | sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' | tail -n 1) in
    404)
        echo "there is no such image at $url" >&2
        exit 1
        ;;
esac
