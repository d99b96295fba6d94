# shellcheck shell=sh
# Part of install.sh: the configuration is made once, and from then on only read.

# Run the new release's own command, as the user that it will run as and with nothing but its file.
new_gocron() {
    as_gocron "$BUILT/bin/gocron" --config "$CONFIG" "$@"
}

# Ask the new release what only an installer asks.
ask() {
    if is_staged; then
        "$BUILT/bin/python" -I - "$@" <"$CHECKOUT/contrib/install/ask.py"
    else
        as_gocron "$BUILT/bin/python" -I - "$@" <"$CHECKOUT/contrib/install/ask.py"
    fi
}

# In a session of its own: what runs as gocron must not type into root's terminal.
as_gocron() {
    setsid -w runuser -u gocron -- env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "$@"
}

# Make the configuration where there is none; else see that what was asked for is what it says.
make_config() {
    MADE_CONFIG=false
    if [ -e "$DESTDIR$CONFIG" ]; then
        mine_again
        check_choices
        return
    fi
    doing "writing $CONFIG" || return 0
    if [ "$NGINX" = true ]; then
        LISTEN_HOST=${LISTEN_HOST:-127.0.0.1}
        url=http://$SERVER_NAME/status/
    fi
    mkdir -p "$DESTDIR/etc/gocron"
    (umask 077 && write_config >"$DESTDIR$CONFIG.new")
    mv "$DESTDIR$CONFIG.new" "$DESTDIR$CONFIG"
    MADE_CONFIG=true
    mine_again
}

# A configuration of a moment ago that won't do is nobody's yet: the next run may be told another.
take_back_config() {
    if [ "$MADE_CONFIG" = true ] && doing "removing $CONFIG again"; then rm "$CONFIG"; fi
}

write_config() {
    "$BUILT/bin/python" -I "$CHECKOUT/contrib/install/ask.py" new_config database_url "$DATABASE_URL" \
        listen_host "$LISTEN_HOST" listen_port "$LISTEN_PORT" public_url "${url:-}"
}

# Configuration and secrets: for gocron to read and for root to change.
mine_again() {
    is_staged && return
    [ "$(stat -c %U:%G:%a "$CONFIG")" != root:gocron:640 ] || return 0
    doing "handing $CONFIG to root and gocron, mode 0640" || return 0
    chown root:gocron /etc/gocron "$CONFIG"
    chmod 0750 /etc/gocron
    chmod 0640 "$CONFIG"
}

# The file is the sysadmin's: an option that says otherwise is refused, not written over it.
check_choices() {
    if is_staged || ! is_built || ! id gocron >/dev/null 2>&1; then return 0; fi
    read_settings
    if [ -n "$DATABASE_URL" ]; then
        as_gocron env GC_DATABASE_URL="$DATABASE_URL" "$BUILT/bin/python" -I - same_database "$CONFIG" \
            <"$CHECKOUT/contrib/install/ask.py" || exit
    fi
    refuse_other listen_host "$LISTEN_HOST" "$front_bound"
    refuse_other listen_port "$LISTEN_PORT" "$front_port"
}

refuse_other() {
    if [ -n "$2" ] && [ "$2" != "$3" ]; then
        say "$CONFIG: its $1 is another one than asked for, and the file is yours; change it there"
        exit 3
    fi
}

# A process of another user prints the settings, a line each: they are read, and never run. The
# configuration itself allows no other letters than these patterns do.
read_settings() {
    new_gocron config get listen_host listen_port status_dir public_url operator_email \
        >"$SCRATCH/settings" || exit
    if [ "$(wc -l <"$SCRATCH/settings")" != 5 ] || grep -q '[[:cntrl:]]' "$SCRATCH/settings"; then
        strange_setting
    fi
    {
        IFS= read -r front_bound
        IFS= read -r front_port
        IFS= read -r page_folder
        IFS= read -r page_url
        IFS= read -r operator_email
    } <"$SCRATCH/settings"
    case $front_bound in '' | *[!A-Za-z0-9.:_%-]*) strange_setting ;; esac
    case $front_port in '' | *[!0-9]*) strange_setting ;; esac
    case $page_folder in
    *[\"\'\`\;{}\$\|\&\\\<\>\#\ ]* | */../* | */.. | [!/]*) strange_setting ;;
    esac
    case $page_url in *[!!-~]*) strange_setting ;; esac
    # Where what listens there is reached from here.
    case $front_bound in
    0.0.0.0 | localhost) front_host=127.0.0.1 ;;
    ::) front_host='[::1]' ;;
    *:*) front_host="[$front_bound]" ;;
    *) front_host=$front_bound ;;
    esac
}

strange_setting() {
    fail "$CONFIG: gocron's answer about it is no setting; nothing was done with it"
}
