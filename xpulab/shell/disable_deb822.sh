# Takes the apt source $uri out of use in the deb822 file $path. What else the file says stays in force: of a stanza with several
# URIs only this one goes, and of a file with several stanzas only its own is switched off.
awk -v uri="${uri:?}" '
    function flush(   i, kept, others, found, field) {
        for (i = 1; i <= lines; i++) {
            field = line[i] ~ /^[^[:space:]#]/ ? tolower(line[i]) : field
            if (field !~ /^uris:/ || line[i] ~ /^#/) continue
            kept = line[i] ~ /^[[:space:]]/ ? "" : "URIs:"
            count = split(line[i], word, /[[:space:]]+/)
            for (j = 1; j <= count; j++) {
                if (word[j] == "" || tolower(word[j]) == "uris:") continue
                if (word[j] == uri) { found = 1; continue }
                kept = kept " " word[j]
                others = 1
            }
            without[i] = kept
        }
        if (found && !others) print "Enabled: no"
        for (i = 1; i <= lines; i++) {
            if (found && others && i in without) { if (without[i] !~ /^[[:space:]]*$/) print without[i] }
            else if (!(found && !others && tolower(line[i]) ~ /^enabled:/)) print line[i]
        }
        lines = 0
        split("", without)
    }
    /^[[:space:]]*$/ { flush(); print; next }
    { line[++lines] = $0 }
    END { flush() }' "${path:?}" >"${path:?}.dpkg-tmp"
chmod --reference="${path:?}" "${path:?}.dpkg-tmp"
chown --reference="${path:?}" "${path:?}.dpkg-tmp"
mv -f "${path:?}.dpkg-tmp" "${path:?}"
