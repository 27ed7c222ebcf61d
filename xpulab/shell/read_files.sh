# Prints of each file: its number, mode, size, count of lines, and in base64 what it holds, as far as it may be shown.
# In "$@" each file is two words: its path after `shown` or `secret`. $most bytes of one file are sent, $left of all.
number=0
while [ $# -gt 0 ]; do
    may=$1 file=$2 text=''
    number=$((number + 1))
    shift 2
    [ -f "$file" ] || continue
    stated=$(stat -L -c '%a %s' -- "$file") || continue
    mode=${stated% *} size=${stated#* }
    case $mode in
        *[4567]) ;;
        *) may=secret ;;
    esac
    if [ "$may" = shown ] && [ "$size" -le "${most:?}" ] && [ "$size" -le "$left" ]; then
        text=$(head -c "$most" -- "$file" | base64 -w 0)
        left=$((left - size))
    fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$number" "$mode" "$size" "$(wc -l <"$file")" "$text"
done
