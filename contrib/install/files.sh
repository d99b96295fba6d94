# shellcheck shell=sh
# Part of install.sh: files are placed, listed, and removed again by that list.
# Below DESTDIR, if that is set; with --dry-run it is only said what would be done.

CHANGED=false
FILES=$PREFIX/installed-files
: >"$SCRATCH/files"

# Say what is done, or would be; true if it is to be done.
doing() {
    CHANGED=true
    if [ "$DRY_RUN" = true ]; then
        say "would be $*"
        return 1
    fi
    say "$*"
}

is_staged() {
    [ -n "$DESTDIR" ]
}

# Put the content of $1 at $2 with mode $3, in one step. PLACED tells whether that made a
# difference.
put() {
    PLACED=false
    if cmp -s "$1" "$DESTDIR$2" && [ "$(stat -c %a "$DESTDIR$2")" = "${3#0}" ]; then
        return 0
    fi
    PLACED=true
    doing "writing $2" || return 0
    mkdir -p "$DESTDIR$(dirname "$2")"
    cp "$1" "$DESTDIR$2.new"
    chmod "$3" "$DESTDIR$2.new"
    is_staged || chown root:root "$DESTDIR$2.new"
    mv "$DESTDIR$2.new" "$DESTDIR$2"
}

# Put the file $1 of the checkout at $2, made fit for this host by the sed script $3, and list it.
place() {
    sed -e "s|/opt/gocron|$PREFIX|g" -e "${3:-}" "$CHECKOUT/$1" >"$SCRATCH/content"
    put "$SCRATCH/content" "$2" 0644
    echo "$2" >>"$SCRATCH/files"
}

# Make the link $2 point at $1, in one step, and list it.
place_link() {
    PLACED=false
    echo "$2" >>"$SCRATCH/files"
    [ "$(readlink "$DESTDIR$2")" != "$1" ] || return 0
    PLACED=true
    doing "linking $2 to $1" || return 0
    mkdir -p "$DESTDIR$(dirname "$2")"
    ln -sfn "$1" "$DESTDIR$2.new"
    mv -fT "$DESTDIR$2.new" "$DESTDIR$2"
}

# Whether an earlier run placed $1.
was_placed() {
    grep -qxF "$1" "$DESTDIR$FILES" 2>/dev/null
}

# Remove what an earlier run placed and this one did not, and keep the new list.
remove_leftovers() {
    sort -u "$SCRATCH/files" >"$SCRATCH/sorted"
    if [ -e "$DESTDIR$FILES" ]; then
        comm -13 "$SCRATCH/sorted" "$DESTDIR$FILES" >"$SCRATCH/leftovers"
        while read -r leftover; do
            remove "$leftover"
        done <"$SCRATCH/leftovers"
    fi
    keep_list
    : >"$SCRATCH/files"
}

# When a run ends early, what it placed so far is listed beside what was there before.
keep_list_so_far() {
    if [ -s "$SCRATCH/files" ]; then
        cat "$SCRATCH/files" "$DESTDIR$FILES" 2>/dev/null | sort -u >"$SCRATCH/sorted"
        keep_list
    fi
}

keep_list() {
    if [ "$DRY_RUN" = true ] || cmp -s "$SCRATCH/sorted" "$DESTDIR$FILES"; then return 0; fi
    mkdir -p "$DESTDIR$PREFIX"
    cp "$SCRATCH/sorted" "$DESTDIR$FILES"
}

# Remove a file, or a folder with all that is in it.
remove() {
    [ -e "$DESTDIR$1" ] || [ -L "$DESTDIR$1" ] || return 0
    doing "removing $1" || return 0
    rm -rf -- "$DESTDIR$1"
}
