# Takes suite $suite of the apt source $uri out of use in the deb822 file $path. What else the file says stays in force: other
# suites and URIs of the same stanza, and other stanzas. Where a stanza has several of both, what is left of it becomes two.
awk -v uri="${uri:?}" -v suite="${suite:?}" '
    function names_of(text) { sub(/^[^[:space:]]+/, "", text); return text }
    function value(i) { return line[i] ~ /^[[:space:]]/ ? line[i] : names_of(line[i]) }
    function field_of(i, before) { return line[i] ~ /^[^[:space:]#]/ ? tolower(substr(line[i], 1, index(line[i], ":"))) : before }
    function count(wanted, unlike,   i, j, n, field, word, found) {
        for (i = 1; i <= lines; i++) {
            field = field_of(i, field)
            if (field != wanted || line[i] ~ /^#/) continue
            n = split(value(i), word, /[[:space:]]+/)
            for (j = 1; j <= n; j++) if (word[j] != "" && (word[j] == unlike) == found_wanted) found++
        }
        return found + 0
    }
    function there(wanted, name) { found_wanted = 1; return count(wanted, name) }
    function others(wanted, name) { found_wanted = 0; return count(wanted, name) }
    function rebuilt(i, name, only,   j, n, word, kept) {
        n = split(value(i), word, /[[:space:]]+/)
        for (j = 1; j <= n; j++) if (word[j] != "" && (word[j] == name) == only) kept = kept " " word[j]
        return line[i] ~ /^[[:space:]]/ ? kept : substr(line[i], 1, index(line[i], ":")) kept
    }
    function emit(uris, suites,   i, field, text) {
        for (i = 1; i <= lines; i++) {
            field = field_of(i, field)
            text = line[i]
            if (text !~ /^#/ && field == "uris:" && uris != "all") text = rebuilt(i, uri, uris == "only")
            if (text !~ /^#/ && field == "suites:" && suites != "all") text = rebuilt(i, suite, 0)
            if (text !~ /^[[:space:]]*$/) print text
        }
    }
    function flush(   i, other_uris, other_suites) {
        if (!lines) return
        other_uris = others("uris:", uri)
        other_suites = others("suites:", suite)
        if (!there("uris:", uri) || !there("suites:", suite)) emit("all", "all")
        else if (!other_uris && !other_suites) {
            print "Enabled: no"
            for (i = 1; i <= lines; i++) if (tolower(line[i]) !~ /^enabled:/) print line[i]
        }
        else if (!other_uris) emit("all", "without")
        else if (!other_suites) emit("without", "all")
        else { emit("without", "all"); print ""; emit("only", "without") }
        lines = 0
    }
    /^[[:space:]]*$/ { flush(); print; next }
    { line[++lines] = $0 }
    END { flush() }' "${path:?}" >"${path:?}.dpkg-tmp"
chmod --reference="${path:?}" "${path:?}.dpkg-tmp"
chown --reference="${path:?}" "${path:?}.dpkg-tmp"
mv -f "${path:?}.dpkg-tmp" "${path:?}"
