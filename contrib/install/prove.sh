# shellcheck shell=sh
# Part of install.sh: that gocron runs is proven, each time, before it is said.

SWEEPS_WITHIN_S=90

# A scheduler that swept so lately is alive.
LATELY_S=150

prove() {
    [ "$DRY_RUN" = false ] || return 0
    if is_staged; then
        say "done below $DESTDIR"
        return
    fi
    : >"$SCRATCH/left"
    set_address
    prove_check_ins
    prove_sweeps
    [ "$CHANGED" = true ] || say "nothing had to be changed"
    tell_what_next
}

# A check-in goes through: at the front, at the very address that is printed, and, with nginx, by
# whatever else this host is called.
prove_check_ins() {
    account=$(hostname)
    ask checks_in "$CONFIG" "$account" install.sh "http://$front_host:$front_port/" || exit
    if ! is_known_name "$address"; then
        echo "the name $SERVER_NAME: nobody knows it here; make it known (DNS) to all who check in" \
            >>"$SCRATCH/left"
    elif ! ask checks_in "$CONFIG" "$account" install.sh "$address/"; then
        [ "$NGINX" = true ] || exit 1
        tell_servers
        ! is_as_made || exit 1
        warn "$NGINX_SERVER is yours: does it let check-ins through?"
    fi
    [ "$NGINX" = true ] || return 0
    for other in "http://$SERVER_NAME" "http://$(own_address)"; do
        if [ "$other" != "$address" ] && is_known_name "$other" &&
            ! ask checks_in "$CONFIG" "$account" install.sh "$other/" 2>/dev/null; then
            warn "check-ins at $other reach another server, and are lost; nginx has these:"
            tell_servers
        fi
    done
}

# Whether the host of the URL $1 is known here; an address always is.
is_known_name() {
    known=${1#http://}
    known=${known%":$front_port"}
    case $known in '') return 1 ;; \[*) return 0 ;; esac
    getent ahosts "$known" >/dev/null
}

# An address by which others reach this host, as URLs want it; nothing where it has none.
own_address() {
    own=$(hostname -I 2>/dev/null | awk '{ print $1 }')
    case $own in *:*) echo "[$own]" ;; *) echo "$own" ;; esac
}

# The scheduler has swept: lately, or it is waited for. That its files are there tells nothing.
prove_sweeps() {
    look_for_sweep
    [ "$SCHEDULER_CHANGED" = true ] || [ $(($(date +%s) - SWEPT_AT)) -gt "$LATELY_S" ] || return 0
    # So that nobody has to wait a minute for the first page.
    if [ "$SWEPT_AT" = 0 ]; then
        as_gocron "$PREFIX/venv/bin/gocron-sweep" || say "the first sweep complains, see above"
        look_for_sweep
    fi
    before=$SWEPT_AT
    say "waiting for $SCHEDULER to sweep, for $SWEEPS_WITHIN_S s at most"
    give_up_at=$(($(date +%s) + SWEEPS_WITHIN_S))
    # Two clocks are read to tell it: it may seem a second later.
    while [ "$SWEPT_AT" -le $((before + 1)) ]; do
        [ "$(date +%s)" -lt "$give_up_at" ] ||
            fail "$SCHEDULER has not swept within $SWEEPS_WITHIN_S s, so nobody would be told of a" \
                "silent job; see journalctl, for $(scheduler_unit)"
        sleep 2
        look_for_sweep
    done
}

# Find out when this host swept last, in seconds since 1970; 0 for never.
look_for_sweep() {
    SWEPT_AT=$(ask swept "$CONFIG") || exit
    case $SWEPT_AT in
    '' | *[!0-9]* | ????????????*) fail "gocron does not tell when it swept last" ;;
    esac
}

scheduler_unit() {
    if [ "$SCHEDULER" = systemd ]; then echo gocron-sweep.service; else cron_unit; fi
}

set_address() {
    page=$page_folder/index.html
    if [ "$NGINX" = true ]; then
        address=http://$(name_for_others)
        page=${page_url:-$address/status/}
    else
        case $front_bound in
        0.0.0.0 | ::) address=http://$(name_for_others):$front_port ;;
        *) address=http://$front_host:$front_port ;;
        esac
    fi
}

# By what other hosts reach this one: its name if that leads here from elsewhere too, else its
# address. Debian's /etc/hosts gives a host's own name a loopback address.
name_for_others() {
    known_as=$(getent ahosts "$SERVER_NAME" | awk '{ print $1 }' | grep -v -e '^127\.' -e '^::1$' || true)
    own=$(own_address)
    if [ "$NAMED" = true ] || [ -n "$known_as" ] || [ -z "$own" ]; then
        echo "$SERVER_NAME"
    else
        echo "$own"
    fi
}

tell_what_next() {
    email=${EMAIL:-${operator_email:-ADDRESS}}
    line=$(ask check_in_command "$address" "$account" "$email" | printable)
    cat <<END
gocron runs, and a check-in went through. In a crontab, right behind the command:

  ; $line

  \`account\` is the host that the crontab is on, \`frequency\` how often the job runs, \`grace\` how late
  is still in time. \`email\` is who is told when it fails or goes silent$([ "$email" != ADDRESS ] || echo ": write it in place of ADDRESS").

Status page   $page
Settings      $CONFIG, the mail server among them; \`gocron check\` tests them
Open          $(tell_what_is_open)
END
    tell_what_is_left
}

# What a process of another user printed, without what could steer root's terminal.
printable() {
    LC_ALL=C tr -cd '[:print:]\n'
}

tell_what_is_open() {
    ports=''
    [ "$NGINX" = false ] || ports="80 (check-ins, status page)"
    is_loopback "$front_bound" || ports="${ports:+$ports and }$front_port (check-ins)"
    if [ -z "$ports" ]; then
        echo "nothing: only this host can check in (listen_host $front_bound)"
        return
    fi
    cat <<END
port $ports, to all who reach this host. Whoever does may check in
              for any job; docs/operations.md, "Security", tells how to let in fewer
END
}

is_loopback() {
    case $1 in 127.* | ::1 | localhost) return 0 ;; esac
    return 1
}

# What was found to be missing yet; nothing is printed where nothing is.
tell_what_is_left() {
    ask left "$CONFIG" | printable >>"$SCRATCH/left"
    firewall=$(firewall)
    if [ -n "$firewall" ] && { [ "$NGINX" = true ] || ! is_loopback "$front_bound"; }; then
        port=$front_port
        [ "$NGINX" = false ] || port=80
        echo "the firewall ($firewall): see that it lets clients in, to port $port" >>"$SCRATCH/left"
    fi
    [ -s "$SCRATCH/left" ] || return 0
    echo "Left to do"
    sed 's/^/  - /' "$SCRATCH/left"
}

# Say what must not be overlooked, in red where that is possible.
warn() {
    if [ -t 2 ]; then
        printf '\033[31minstall.sh: %s\033[0m\n' "$*" >&2
    else
        say "$*"
    fi
}
