# shellcheck shell=sh
# Part of install.sh: the configuration is made once, and from then on only read.

# Ask the new release something, as the user that it will run as and with nothing but its file.
ask() {
    if is_staged; then
        "$BUILT/bin/python" -I - "$@" <"$CHECKOUT/contrib/install/ask.py"
    else
        as_gocron "$BUILT/bin/python" -I - "$@" <"$CHECKOUT/contrib/install/ask.py"
    fi
}

# In a session of its own: what runs as gocron must not type into root's terminal.
as_gocron() {
    setsid -w runuser -u gocron -- env -i PATH=/usr/bin:/bin LANG=C.UTF-8 \
        ${RUNNING:+GOCRON_IS_RUNNING=1} "$@"
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
    wanted=$DATABASE_URL
    case $wanted in
    file:*) wanted=$(cat "${wanted#file:}") || exit 3 ;;
    esac
    refuse_other database_url "$wanted" "$front_database"
    refuse_other listen_host "$LISTEN_HOST" "$front_bound"
    refuse_other listen_port "$LISTEN_PORT" "$front_port"
}

refuse_other() {
    if [ -n "$2" ] && [ "$2" != "$3" ]; then
        say "$CONFIG: its $1 is another one than asked for, and the file is yours; change it there"
        exit 3
    fi
}

# A process of another user prints the settings: they are read, one name and value a line, and never
# run. The configuration itself allows no other letters than these patterns do.
read_settings() {
    ask settings "$CONFIG" >"$SCRATCH/settings" || exit
    front_port='' front_bound='' operator_email=''
    while IFS='=' read -r name value; do
        case $name=$value in
        *[[:cntrl:]]*) strange_setting ;;
        front_host=*[!]A-Za-z0-9.:_%[-]* | front_bound=*[!A-Za-z0-9.:_%-]*) strange_setting ;;
        front_host=*) front_host=$value ;;
        front_bound=*) front_bound=$value ;;
        front_port=*[!0-9]*) strange_setting ;;
        front_port=*) front_port=$value ;;
        operator_email=*) operator_email=$value ;;
        front_database=*) front_database=$value ;;
        page_folder=*[\"\'\`\;{}\$\|\&\\\<\>\#\ ]*) strange_setting ;;
        page_folder=*/../* | page_folder=*/.. | page_folder=[!/]*) strange_setting ;;
        page_folder=*) page_folder=$value ;;
        page_url=*[!!-~]*) strange_setting ;;
        page_url=*) page_url=$value ;;
        *) strange_setting ;;
        esac
    done <"$SCRATCH/settings"
    if [ -z "$front_port" ] || [ -z "$front_bound" ]; then strange_setting; fi
}

strange_setting() {
    fail "$CONFIG: gocron's answer about it is no setting; nothing was done with it"
}
