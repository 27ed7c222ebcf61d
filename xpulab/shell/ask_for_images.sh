# Asks a registry for images, one after the other, with the access that this host's root has (docker login).
if ! command -v docker >/dev/null 2>&1; then
    echo "there is no Docker Engine on the builder: provision it with deploys/xpu.py first" >&2
    exit 1
fi
ask() {
    if answer=$(docker manifest inspect --verbose "$1" 2>&1); then
        printf 'found\t%s\t%s\n' "$1" "$(printf %s "$answer" | base64 | tr -d '\n')"
        return 0
    fi
    case $answer in
        *'no such manifest'* | *'manifest unknown'* | *'not found'*) printf 'missing\t%s\n' "$1" ;;
        *)
            echo "the registry does not answer for $1: $answer" >&2
            return 1
            ;;
    esac
}
